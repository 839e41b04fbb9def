//! Verifies one recorded request by hand, and says why it is refused.
//!
//! ```sh
//! cargo run --example verify -- --scheme github --secret "It's a Secret to Everybody" \
//!     --header 'X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' \
//!     --body-file hello.txt
//! ```

mod options;
mod request;
mod senders;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use lexopt::Parser;
use nevent_webhooks::{Verified, VerifyError};

use crate::options::{Given, HELP};

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("verify: {error}");
        ExitCode::from(2)
    })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let Some(question) = Given::parse(Parser::from_env())?.resolve()? else {
        stdout().write_all(HELP.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let answer = question.sender.verify(question.secrets, &question.request)?;
    writeln!(stdout(), "{}", line(&answer))?;
    Ok(if answer.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(answer: &Result<Verified, Refused>) -> String {
    let verified = match answer {
        Ok(verified) => verified,
        Err(refused) => return refused.line(),
    };
    let age = match verified.age() {
        Some(age) if age < 0 => format!("signed {} s ahead of this time", age.unsigned_abs()),
        Some(age) => format!("signed {age} s ago"),
        None => "the signature covers no time".to_owned(),
    };
    format!("genuine: {}, {age}, under {:?}", verified.scheme(), verified.secret_name())
}

/// Why a request is refused.
struct Refused {
    error: VerifyError,
    /// Whether the signature matches without the line break at the end of the file.
    line_break: bool,
}

impl Refused {
    fn line(&self) -> String {
        let hint = if self.line_break {
            ". It matches without the line break at the end of the body file: an editor may have \
             added one"
        } else {
            ""
        };
        format!("refused: {}{hint}", self.error)
    }
}
