use std::error::Error;
use std::ffi::OsString;

use lexopt::{Arg::Long, Arg::Short, Arg::Value, Parser, ValueExt};
use nevent_webhooks::{Clock, SystemClock};

use crate::request::{Request, body};
use crate::senders::{Generic, NAMES, Sender};

pub const HELP: &str = "\
Verifies one recorded request by hand, and says why it is refused.

Usage: verify --scheme NAME --secret TEXT --header 'Name: value' --body-file FILE [OPTIONS]

  --scheme NAME        the sender: nevent, stripe, github, meta, slack, shopify,
                       standard-webhooks, svix, clickup, or generic
  --secret TEXT        the signing secret, which shows in `ps`; up to four times
  --secret-env NAME    the environment variable that holds it; counts as --secret
  --header LINE        a header of the request; once for each
  --body-file FILE     the body, byte for byte as it was sent; - is stdin
  --now SECONDS        the time of the check, in Unix seconds; default now
  --help               print this

With --scheme generic:

  --signature-header NAME  the header that carries the signature; required
  --timestamp-header NAME  the header with the time that is signed, in Unix seconds,
                           as {time}.{body}; default: the body alone is signed
  --hash NAME              sha256 or sha512; default sha256
  --encoding NAME          hex or base64; default hex
  --digest-prefix TEXT     what stands before the digest, such as sha256=

Prints one line. Exits with 0 if the request is genuine, with 1 if it is refused,
with 2 if the question cannot be answered.
";

/// A signing secret as given.
pub struct GivenSecret {
    /// The option and the variable, for errors.
    pub origin: String,
    pub name: String,
    pub text: Vec<u8>,
}

/// The request to verify, with its sender and secrets.
pub struct Question {
    pub sender: Sender,
    pub secrets: Vec<GivenSecret>,
    pub request: Request,
}

/// The options as given.
#[derive(Default)]
pub struct Given {
    scheme: Option<String>,
    secrets: Vec<GivenSecret>,
    headers: Vec<String>,
    body_file: Option<OsString>,
    now: Option<String>,
    generic: Generic,
    help: bool,
}

impl Given {
    pub fn parse(mut options: Parser) -> Result<Self, Box<dyn Error>> {
        let mut given = Self::default();
        while let Some(option) = options.next()? {
            match option {
                Long("scheme") => given.scheme = Some(options.value()?.string()?),
                Long("secret") => given.add_secret(options.value()?),
                Long("secret-env") => given.add_variable(options.value()?.string()?)?,
                Long("header") => given.headers.push(options.value()?.string()?),
                Long("body-file") => given.body_file = Some(options.value()?),
                Long("now") => given.now = Some(options.value()?.string()?),
                Long("help") | Short('h') => given.help = true,
                Long(name) => match given.generic.option(name) {
                    Some(option) => *option = Some(options.value()?.string()?),
                    None => Err(format!("no option --{name}; --help lists all options"))?,
                },
                // Not shown: it may be the second word of a secret without quotes.
                Value(_) => Err("a word belongs to no option: quote a value that has blanks")?,
                Short(_) => Err(format!("{}; --help lists all options", option.unexpected()))?,
            }
        }
        Ok(given)
    }

    fn add_secret(&mut self, text: OsString) {
        let name = format!("secret {}", self.secrets.len() + 1);
        let (origin, text) = ("--secret".to_owned(), text.into_encoded_bytes());
        self.secrets.push(GivenSecret { origin, name, text });
    }

    fn add_variable(&mut self, name: String) -> Result<(), String> {
        let origin = format!("--secret-env {name}");
        let text = std::env::var_os(&name).ok_or_else(|| format!("{origin}: it is not set"))?;
        let text = text.into_encoded_bytes();
        self.secrets.push(GivenSecret { origin, name, text });
        Ok(())
    }

    /// `None` if the options ask for help.
    pub fn resolve(self) -> Result<Option<Question>, Box<dyn Error>> {
        if self.help {
            return Ok(None);
        }
        let name = self.scheme.ok_or_else(|| format!("no --scheme: give one of {NAMES}"))?;
        let sender = sender(&name, self.generic)?;
        if self.secrets.is_empty() {
            Err("no signing secret: give the receiver's with --secret-env or --secret")?;
        }
        let now = self.now.as_deref().map_or_else(|| Ok(SystemClock.unix_seconds()), seconds)?;
        let file = self.body_file.ok_or("no --body-file: give the body as it was sent")?;
        let request = Request::new(&self.headers, body(&file)?, now)?;
        Ok(Some(Question { sender, secrets: self.secrets, request }))
    }
}

impl Generic {
    fn option(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "hash" => Some(&mut self.hash),
            "encoding" => Some(&mut self.encoding),
            "signature-header" => Some(&mut self.signature_header),
            "timestamp-header" => Some(&mut self.timestamp_header),
            "digest-prefix" => Some(&mut self.digest_prefix),
            _ => None,
        }
    }
}

fn sender(name: &str, generic: Generic) -> Result<Sender, Box<dyn Error>> {
    match (name, Sender::of_name(name)?) {
        ("generic", _) => generic.into_sender(),
        (_, Some(sender)) if generic.is_empty() => Ok(sender),
        (_, Some(_)) => Err(format!(
            "--scheme {name} has its own headers and hash: leave out the options of --scheme generic"
        ))?,
        (_, None) => Err(format!("--scheme {name:?}: no such sender. Give one of {NAMES}"))?,
    }
}

fn seconds(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        format!("--now {text:?}: not a whole number. Give Unix seconds, as `date +%s` does")
    })
}
