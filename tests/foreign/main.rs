//! Signatures of other implementations of the same construction, by the hundred
//! thousand, in both directions: Python's `hmac`, and the npm package `stripe`.
//!
//! ```sh
//! cargo test --release --test foreign -- --ignored     # needs python3, node and npm
//! ```

use std::io::Write;
use std::process::{Command, Stdio};

use nevent_webhooks::{Secret, Signer, Verifier};

const COUNT: usize = 100_000;
const STRIPE: &str = "stripe@23.1.0";

/// Text to sign: JSON, or whatever bytes.
struct Case {
    secret: String,
    t: i64,
    body: Vec<u8>,
}

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit).expect("small")
    }

    fn text(&mut self, most: u64) -> String {
        let alphabet: Vec<char> = "abcXYZ019_-.,=\"\\{}[]: \té€𝄞\u{0}\u{7f}".chars().collect();
        let length = self.below(most + 1);
        (0..length).map(|_| alphabet[self.below(alphabet.len() as u64)]).collect()
    }

    fn case(&mut self) -> Case {
        let secret = format!("whsec_{}{}", self.next(), self.text(80));
        let t = i64::try_from(self.next() >> (1 + self.below(62))).expect("positive");
        let length = self.below(300);
        let body = (0..length).map(|_| u8::try_from(self.next() >> 56).expect("a byte"));
        Case { secret, t, body: body.collect() }
    }

    /// JavaScript's numbers are exact up to 2^53, its bodies text, and Stripe's are not
    /// empty.
    fn case_for_javascript(&mut self) -> Case {
        let Case { secret, t, .. } = self.case();
        Case { secret, t: t % (1 << 53) + 1, body: format!("{{{}", self.text(300)).into() }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(digit.into(), 16).expect("a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A line for each case: secret and body in hex, the time, and our signature.
fn lines(cases: &[Case]) -> String {
    let line = |case: &Case| {
        let secret = Secret::dangerously_allow_weak(&case.secret).expect("a key");
        let header = Signer::new(&secret).header(case.t, &case.body);
        format!("{} {} {} {header}\n", hex(case.secret.as_bytes()), case.t, hex(&case.body))
    };
    cases.iter().map(line).collect()
}

/// Gives the program the lines, and has a line back for each: its own signature, if it
/// accepts ours.
fn ask(program: &mut Command, cases: &[Case]) -> Vec<String> {
    let mut program = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?}: {error}. Install it to run this test"));
    let mut stdin = program.stdin.take().expect("piped");
    let lines = lines(cases);
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = program.wait_with_output().expect("an end");
    writer.join().expect("no panic").expect("it reads");
    assert!(output.status.success(), "it accepts all of ours");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn agree(program: &mut Command, case: fn(&mut Numbers) -> Case) {
    let mut numbers = Numbers(7);
    let cases: Vec<_> = (0..COUNT).map(|_| case(&mut numbers)).collect();
    let theirs = ask(program, &cases);
    assert_eq!(theirs.len(), COUNT);
    for (case, header) in cases.iter().zip(&theirs) {
        let secret = Secret::dangerously_allow_weak(&case.secret).expect("a key");
        let verifier = Verifier::new(secret);
        verifier.verify(header, &case.body, case.t).expect("theirs is accepted");
        let mut changed = case.body.clone();
        changed.push(b' ');
        verifier.verify(header, &changed, case.t).expect_err("of another body it is not");
    }
}

fn script(name: &str) -> String {
    format!("{}/tests/foreign/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
#[ignore = "needs python3"]
fn python_agrees() {
    agree(Command::new("python3").arg(script("hmac_of_python.py")), Numbers::case);
}

#[test]
#[ignore = "needs node and npm"]
fn stripe_agrees() {
    let directory = format!("{}/stripe", env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&directory).expect("a writable directory");
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-save", "--prefix", &directory, STRIPE]);
    assert!(npm.status().expect("npm is installed").success());
    // The script is found beside the package that it imports.
    let copy = format!("{directory}/stripe_of_npm.mjs");
    std::fs::copy(script("stripe_of_npm.mjs"), &copy).expect("a copy");
    agree(Command::new("node").arg(copy), Numbers::case_for_javascript);
}
