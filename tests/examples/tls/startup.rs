//! Options and files that cannot be used: one line says which, and what to do.

use super::certificates::{Authority, directory, replace};
use crate::example::example;
use crate::secrets::SECRET;
use crate::text;

/// Starts the example with these arguments, and returns the line with which it ends.
fn error(arguments: &[&str]) -> String {
    let mut command = example("tls");
    // A receiver whose files are good ends at this address, after it has read them.
    let output =
        command.env("NEVENT_WEBHOOK_SECRET", SECRET).env("BIND", "x").args(arguments).output();
    let output = output.expect("the example is built");
    assert!(!output.status.success());
    let error = text(&output.stderr).trim_end();
    assert!(!error.contains('\n'), "more than a line: {error}");
    error.to_owned()
}

#[test]
fn each_option_that_is_wrong_is_named() {
    for arguments in [&[][..], &["--cert", "a.pem"], &["--key", "a.pem"]] {
        assert!(error(arguments).contains("usage: tls --cert FILE --key FILE"));
    }
    let unknown = error(&["--certificate", "a.pem"]);
    assert!(unknown.contains("--certificate") && unknown.contains("usage: tls"), "{unknown}");
}

#[test]
fn each_file_that_is_wrong_is_named() {
    let directory = directory("startup");
    let path = |name: &str| directory.join(name).to_str().expect("text").to_owned();
    let authority = Authority::new("startup");
    let (identity, other) = (authority.server(), authority.server());
    let [cert, key, other_key, missing] =
        ["cert.pem", "key.pem", "other.pem", "missing.pem"].map(path);
    replace(cert.as_ref(), &identity.certificate_pem());
    replace(key.as_ref(), &identity.key_pem());
    replace(other_key.as_ref(), &other.key_pem());
    for (arguments, reason, remedy) in [
        (
            [&cert, &missing, &cert],
            "--key FILE: No such file",
            "give a file that this user can read",
        ),
        (
            [&missing, &key, &cert],
            "--cert FILE: No such file",
            "give a file that this user can read",
        ),
        (
            [&cert, &cert, &cert],
            "--key FILE: no private key that can be read",
            "give a PEM file without password",
        ),
        ([&key, &key, &cert], "--cert FILE: no certificate that can be read", "give a PEM file"),
        ([&cert, &other_key, &cert], "KeyMismatch", "give a certificate and its own key"),
        (
            [&cert, &key, &missing],
            "--client-ca FILE: No such file",
            "give a file that this user can read",
        ),
        (
            [&cert, &key, &key],
            "--client-ca FILE: no certificate that can be read",
            "give a PEM file",
        ),
    ] {
        let [cert, key, client_ca] = arguments.map(String::as_str);
        let error = error(&["--cert", cert, "--key", key, "--client-ca", client_ca]);
        let named = error.replace(missing.as_str(), "FILE");
        let named = [cert, key].iter().fold(named, |named, path| named.replace(path, "FILE"));
        assert!(named.contains(reason) && named.contains(remedy), "{error}");
    }
}
