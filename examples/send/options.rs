use std::error::Error;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;
use lexopt::{Arg::Long, Arg::Short, Parser, ValueExt};
use nevent_webhooks::{Secret, SecretError, Signer};

use crate::Sending;
use crate::bodies::{own_body, sample};

pub const HELP: &str = "\
Plays Nevent: signs a delivery and sends it to a receiver.

Usage: send [OPTIONS]

  --url URL            where to; default http://127.0.0.1:3000/webhooks/nevent
  --secret TEXT        the signing secret; default: what the environment variable
                       NEVENT_WEBHOOK_SECRET holds, which does not show in `ps`
  --event TYPE         which sample to send; default purchase.completed
  --body FILE          send this file's bytes instead, as they are; - is stdin.
                       X-Nevent-Event is then --event, or the JSON's `type`
  --delivery ID        the delivery id; default a new one. Give an earlier one
                       to send a retry
  --timestamp SECONDS  when it was signed, in Unix seconds; default now
  --repeat N           send it N times, one after another; default 1
  --help               print this

Prints status and body of each response on a line. Exits with 0 if all were
2xx, with 1 if not, with 2 if an option cannot be right.

The same bytes signed in the same second are the same signed bytes: under a new
delivery id, the receiver treats them as a replay, and responds as for the first.
";

/// The options as given.
#[derive(Default)]
pub struct Given {
    url: Option<String>,
    secret: Option<String>,
    event: Option<String>,
    body: Option<OsString>,
    delivery: Option<String>,
    timestamp: Option<String>,
    repeat: Option<String>,
    help: bool,
}

impl Given {
    pub fn parse(mut options: Parser) -> Result<Self, Box<dyn Error>> {
        let mut given = Self::default();
        while let Some(option) = options.next()? {
            match option {
                Long("url") => given.url = Some(options.value()?.string()?),
                Long("secret") => given.secret = Some(options.value()?.string()?),
                Long("event") => given.event = Some(options.value()?.string()?),
                Long("body") => given.body = Some(options.value()?),
                Long("delivery") => given.delivery = Some(options.value()?.string()?),
                Long("timestamp") => given.timestamp = Some(options.value()?.string()?),
                Long("repeat") => given.repeat = Some(options.value()?.string()?),
                Long("help") | Short('h') => given.help = true,
                other => Err(format!("{}; --help lists all options", other.unexpected()))?,
            }
        }
        Ok(given)
    }

    /// `None` if the options ask for help.
    pub fn resolve(self) -> Result<Option<Sending>, Box<dyn Error>> {
        if self.help {
            return Ok(None);
        }
        let (body, event) = match self.body {
            None => sample(self.event.as_deref().unwrap_or("purchase.completed"))?,
            Some(file) => own_body(&file, self.event.as_deref())?,
        };
        Ok(Some(Sending {
            url: url(self.url.as_deref().unwrap_or("http://127.0.0.1:3000/webhooks/nevent"))?,
            signer: Signer::new(&secret(self.secret.as_deref())?),
            body,
            event,
            delivery: header("--delivery", &self.delivery.unwrap_or_else(new_delivery_id))?,
            timestamp: self.timestamp.as_deref().map(timestamp).transpose()?,
            repeat: repeat(self.repeat.as_deref().unwrap_or("1"))?,
        }))
    }
}

fn url(text: &str) -> Result<Uri, String> {
    // The default has no scheme. So a text that is not a URL is rejected below, as a path is.
    let url: Uri = text.parse().unwrap_or_default();
    match url.scheme_str() {
        Some("http") if is_port_sound(&url) => Ok(url),
        Some("https") => Err(format!(
            "--url {text:?}: this tool speaks plain http only. Give the http:// address at \
             which the receiver itself listens, behind what ends TLS"
        )),
        _ => Err(format!(
            "--url {text:?}: not an http:// URL. Give one such as \
             http://127.0.0.1:3000/webhooks/nevent"
        )),
    }
}

/// Rejects ports above 65535. The parser lets them pass, and the client would use 80.
fn is_port_sound(url: &Uri) -> bool {
    let host_only = |authority: &Authority| authority.as_str().ends_with(authority.host());
    url.port().is_some() || url.authority().is_some_and(host_only)
}

fn secret(given: Option<&str>) -> Result<Secret, String> {
    const VARIABLE: &str = "NEVENT_WEBHOOK_SECRET";
    match given.map_or_else(|| Secret::from_env(VARIABLE), Secret::new) {
        Ok(secret) => Ok(secret),
        Err(SecretError::NotSet(_)) => {
            Err(format!("no signing secret: give the receiver's, in {VARIABLE} or with --secret"))
        }
        Err(error @ SecretError::Variable { .. }) => Err(error.to_string()),
        Err(error) => Err(format!("--secret: {error}")),
    }
}

pub fn header(option: &str, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| {
        format!("{option} {text:?}: a header cannot carry control characters. Leave them out")
    })
}

fn timestamp(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        format!("--timestamp {text:?}: not a whole number. Give Unix seconds, as `date +%s` does")
    })
}

fn repeat(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| {
        let most = u32::MAX;
        format!("--repeat {text:?}: not a number of times. Give a whole number from 1 to {most}")
    })
}

/// 128 random bits, written as a UUID is. The standard library seeds
/// `RandomState` from the system's randomness.
fn new_delivery_id() -> String {
    let random = || RandomState::new().hash_one(0);
    let hex = format!("{:016x}{:016x}", random(), random());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
