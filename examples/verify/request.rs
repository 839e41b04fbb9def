use std::error::Error;
use std::ffi::OsStr;
use std::io::Read;

use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{RotationError, Secret, Verified, Verifier, VerifyError};

use crate::Refused;

/// A recorded request, and the time at which it is checked.
pub struct Request {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    now: i64,
}

impl Request {
    pub fn new(headers: &[String], body: Vec<u8>, now: i64) -> Result<Self, String> {
        let headers = headers.iter().map(|line| header(line)).collect::<Result<_, _>>()?;
        Ok(Self { headers, body, now })
    }

    pub fn verify<T, K>(
        &self,
        scheme: Scheme<T, K>,
        secrets: Vec<Secret<K>>,
    ) -> Result<Result<Verified, Refused>, RotationError> {
        let first = secrets.first().cloned().ok_or(RotationError::NoSecret)?;
        let verifier = scheme.verifier(first);
        verifier.replace_secrets(secrets)?;
        Ok(self.check(&verifier, &self.body).map_err(|error| self.explain(&verifier, error)))
    }

    fn check<T, K>(&self, verifier: &Verifier<T, K>, body: &[u8]) -> Result<Verified, VerifyError> {
        let mut verification = verifier.begin_request(|name| {
            let lines = self.headers.iter().filter(move |(other, _)| other == name);
            lines.map(|(_, value)| value.as_bytes())
        })?;
        verification.update(body);
        verification.finish(self.now)
    }

    fn explain<T, K>(&self, verifier: &Verifier<T, K>, error: VerifyError) -> Refused {
        let cut = self.body.strip_suffix(b"\n").map(|cut| cut.strip_suffix(b"\r").unwrap_or(cut));
        let invalid = Some(VerifyError::InvalidSignature);
        let matches = |body: &[u8]| self.check(verifier, body).err() != invalid;
        let line_break = error == VerifyError::InvalidSignature && cut.is_some_and(matches);
        Refused { error, line_break }
    }
}

/// The name in lower case, and the value without the blanks around it.
fn header(line: &str) -> Result<(String, String), String> {
    match line.split_once(':') {
        Some((name, value)) => {
            Ok((name.trim().to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
        }
        None => Err("--header: no colon in it. Give 'Name: value', in quotes".to_owned()),
    }
}

/// The bytes of the file, as they are. `-` is the standard input.
pub fn body(file: &OsStr) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| format!("--body-file {}: {error}", file.display()).into())
}
