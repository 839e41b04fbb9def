//! The example that verifies a recorded request: published vectors, and what it says and exits with.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{example, file, text};

const SECRET: &str = "generic_secret_0123456789abcdef";
const SHA256: [&str; 4] = ["--scheme", "generic", "--signature-header", "X-Signature"];

/// A call of the example, without the body.
fn verify(scheme: &[&str], secret: &str) -> Command {
    let mut command = example("verify");
    command.args(scheme).args(["--secret", secret]);
    command
}

/// Runs it with this body on its standard input.
fn with_body(command: &mut Command, body: &str) -> Output {
    let command = command.args(["--body-file", "-"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the example is built");
    // A program that refuses its options does not read.
    let _ = child.stdin.take().expect("piped").write_all(body.as_bytes());
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn is(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let found = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(found, (Some(code), stdout, stderr));
}

/// The options that stand for a vector's provider. `None` if it signs nothing.
fn scheme(provider: &str) -> Option<Vec<&str>> {
    Some(match provider {
        "meta-handshake" | "generic-token" => return None,
        "generic-sha256-body" => SHA256.to_vec(),
        "generic-sha512-ts-body" => {
            [&SHA256[..], &["--hash", "sha512", "--timestamp-header", "X-Timestamp"]].concat()
        }
        preset => vec!["--scheme", preset],
    })
}

#[test]
fn every_vector_is_answered_as_expected() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../data/scheme-vectors.json")).expect("JSON");
    let mut tried = 0;
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().expect("text");
        let Some(scheme) = scheme(field("provider")) else { continue };
        let mut command = verify(&scheme, field("secret"));
        for (name, value) in vector["headers"].as_object().expect("an object") {
            command.args(["--header", &format!("{name}: {}", value.as_str().expect("text"))]);
        }
        if let Some(now) = vector["now"].as_i64() {
            command.args(["--now", &now.to_string()]);
        }
        agrees(&with_body(&mut command, field("body")), field("expected"), vector);
        tried += 1;
    }
    assert_eq!((tried, vectors.len()), (11, 13), "two vectors are of senders that do not sign");
}

fn agrees(output: &Output, expected: &str, vector: &Value) {
    let line = text(&output.stdout);
    if let Some(reason) = expected.strip_prefix("refused: ") {
        assert_eq!((output.status.code(), reason), (Some(1), "invalid signature"), "{vector}");
        assert!(line.starts_with("refused: no digest matches: "), "{line}");
        return;
    }
    assert!(expected.starts_with("ok"), "{expected}");
    assert_eq!(output.status.code(), Some(0), "{vector}: {output:?}");
    assert!(line.starts_with("genuine: ") && line.lines().count() == 1, "{line}");
    if let Some((_, age)) = expected.split_once("age ") {
        assert!(line.contains(&format!("signed {age} s ago")), "{line}");
    }
    assert_eq!(line.contains("covers no time"), vector["now"].is_null(), "{line}");
}

const BODY: &str = "{\"evento\":\"pedido.creado\",\"timestamp\":\"2024-01-15T10:30:00Z\",\
    \"datos\":{\"id\":7}}";
const DIGEST: &str = "x-signature:5649e8912338e6ff01b747aa2b534839a33cb6dfb78f4278241a17bb702ab023";

#[test]
fn the_secret_that_matches_is_named() {
    let mut command = example("verify");
    command.args(SHA256).args(["--secret-env", "WEBHOOK_SECRET", "--secret", "another"]);
    command.env("WEBHOOK_SECRET", SECRET).args(["--header", DIGEST]);
    let line = "genuine: generic, the signature covers no time, under \"WEBHOOK_SECRET\"\n";
    is(&with_body(&mut command, BODY), 0, line, "");
}

#[test]
fn a_refusal_is_one_line_with_its_reason() {
    let mut missing = verify(&["--scheme", "github"], SECRET);
    is(&with_body(&mut missing, BODY), 1, "refused: no signature header\n", "");

    let mut malformed = verify(&["--scheme", "github"], SECRET);
    malformed.args(["--header", "X-Hub-Signature-256: 5649"]);
    let reason = "refused: malformed signature header: without the prefix of a digest\n";
    is(&with_body(&mut malformed, BODY), 1, reason, "");

    let mut untimed = verify(&["--scheme", "slack"], SECRET);
    untimed.args(["--header", &format!("X-Slack-Signature: v0={}", "0".repeat(64))]);
    let reason =
        "refused: the signature covers the header `x-slack-request-timestamp`, and there is none\n";
    is(&with_body(&mut untimed, BODY), 1, reason, "");
}

#[test]
fn an_old_signature_is_told_from_a_wrong_one() {
    let secret = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
    let signer = nevent_webhooks::Signer::new(&super::secrets::secret(secret));
    let header = format!("X-Nevent-Signature: {}", signer.header(1_640_995_200, b"{}"));
    let at = |now: &str, body: &str| {
        let mut command = verify(&["--scheme", "nevent"], secret);
        with_body(command.args(["--header", &header, "--now", now]), body)
    };
    is(
        &at("1640995501", "{}"),
        1,
        "refused: authentic, but 301 s old: a late retry, or this receiver's clock is ahead\n",
        "",
    );
    let ahead = "genuine: nevent, signed 9 s ahead of this time, under \"secret 1\"\n";
    is(&at("1640995191", "{}"), 0, ahead, "");
    let wrong = at("1640995501", "{ }");
    assert!(text(&wrong.stdout).starts_with("refused: no digest matches: "), "{wrong:?}");
}

#[test]
fn a_line_break_of_an_editor_is_noticed() {
    let path = file("verify-body.json", &format!("{BODY}\r\n"));
    let mut command = verify(&SHA256, SECRET);
    let output = command.args(["--header", DIGEST, "--body-file", &path]).output();
    let output = output.expect("the example is built");
    assert_eq!(output.status.code(), Some(1));
    let line = text(&output.stdout);
    assert!(line.starts_with("refused: no digest matches: "), "{line}");
    assert!(line.ends_with("It matches without the line break at the end of the body file: an editor may have added one\n"), "{line}");
    let another = with_body(verify(&SHA256, "another").args(["--header", DIGEST]), "{}\n");
    assert!(!text(&another.stdout).contains("line break"), "{another:?}");
}

/// No line shows a secret.
#[test]
fn a_question_that_cannot_be_answered_exits_with_2() {
    let none = "no signing secret: give the receiver's with --secret-env or --secret";
    let unset = "--secret-env NONE_SUCH: it is not set";
    let base64 = "--secret: the signing secret is not base64: copy it whole from the sender's \
        webhook settings, with its `whsec_` prefix";
    let github = ["--scheme", "github", "--secret", "s"];
    let cases: [(&[&str], &str); 12] = [
        (&["--secret", "s"], "no --scheme: give one of nevent, stripe, "),
        (&["--scheme", "acme"], "--scheme \"acme\": no such sender. Give one of nevent, "),
        (&["--scheme", "github"], none),
        (&["--scheme", "github", "--secret", ""], "--secret: the signing secret is empty: "),
        (&["--scheme", "github", "--secret-env", "NONE_SUCH"], unset),
        (&["--scheme", "svix", "--secret", "no base64, whatever it is"], "--secret: character 3 "),
        (&["--scheme", "svix", "--secret", "whsec_no_base64_at_all_but_long"], base64),
        (&["--scheme", "generic", "--secret", "s"], "--scheme generic needs a --signature-header"),
        (&[&github[..], &["--hash", "sha512"]].concat(), "--scheme github has its own headers"),
        (
            &[&github[..], &["--secret", "s"]].concat(),
            "the secrets \"secret 1\" and \"secret 2\" are the same",
        ),
        (&[&github[..], &["--header", "X-Signature"]].concat(), "--header: no colon in it. "),
        (&[&github[..], &["a", "Secret"]].concat(), "a word belongs to no option: quote "),
    ];
    for (options, reason) in cases {
        is_usage_error(&with_body(example("verify").args(options), BODY), reason);
    }
}

#[test]
fn wrong_values_of_options_exit_with_2() {
    let given = |options: &[&str]| {
        let mut command = verify(&SHA256, "s");
        command.args(options).output().expect("the example is built")
    };
    for (options, reason) in [
        (["--hash", "md5"], "--hash \"md5\": give sha256 or sha512"),
        (["--encoding", "base32"], "--encoding \"base32\": give hex or base64"),
        (["--now", "today"], "--now \"today\": not a whole number. "),
        (["--timestamp-header", "X-Signature"], "the scheme uses the header \"x-signature\" for "),
        (["--body-file", "/none"], "--body-file /none: "),
        (["--token", "t"], "no option --token; --help lists all options"),
    ] {
        is_usage_error(&given(&options), reason);
    }
    is_usage_error(&given(&[]), "no --body-file: give the body as it was sent");
}

#[track_caller]
fn is_usage_error(output: &Output, reason: &str) {
    let line = text(&output.stderr);
    assert!(line.starts_with(&format!("verify: {reason}")), "{line} instead of {reason}");
    assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{line}");
    assert!(output.stdout.is_empty());
}

#[test]
fn help_is_a_success() {
    let output = example("verify").arg("--help").output().expect("the example is built");
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("Verifies one recorded request by hand"));
}
