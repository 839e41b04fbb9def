//! Plays Nevent: signs a delivery and sends it to a receiver.
//!
//! ```sh
//! export NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR
//! cargo run --example axum &
//! cargo run --example send -- --event fan.created
//! ```

mod bodies;
mod options;

use std::error::Error;
use std::io::{Write, stdout};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::http;
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, Error as ClientError, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use lexopt::Parser;
use nevent_webhooks::{Clock, DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER};
use nevent_webhooks::{Signer, SystemClock};
use tokio::time::timeout;

use crate::options::{Given, HELP};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let sent = match Given::parse(Parser::from_env()).and_then(Given::resolve) {
        Ok(Some(sending)) => sending.send_all().await,
        Ok(None) => stdout().write_all(HELP.as_bytes()).map(|()| true).map_err(Into::into),
        Err(error) => {
            eprintln!("send: {error}");
            return ExitCode::from(2);
        }
    };
    match sent {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("send: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The delivery to send, and its destination.
struct Sending {
    url: Uri,
    signer: Signer,
    body: Bytes,
    event: Option<HeaderValue>,
    delivery: HeaderValue,
    timestamp: Option<i64>,
    repeat: NonZeroU32,
}

impl Sending {
    /// Returns whether all responses were 2xx.
    async fn send_all(&self) -> Result<bool, Box<dyn Error>> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut all_done = true;
        for _ in 0..self.repeat.get() {
            let (status, body) = self.send(&client).await?;
            // One line per response, whatever the response holds.
            let line = format!("{} {}", status.as_u16(), body.replace(char::is_control, " "));
            writeln!(stdout(), "{}", line.trim_end())?;
            all_done &= status.is_success();
        }
        Ok(all_done)
    }

    async fn send(&self, client: &HttpClient) -> Result<(StatusCode, String), Box<dyn Error>> {
        let exchange = async {
            let response = client.request(self.request()?).await.map_err(|e| self.explain(&e))?;
            let (head, body) = response.into_parts();
            let broken =
                |e| format!("{}: {}, but the response broke off: {e}", self.url, head.status);
            let body = body.collect().await.map_err(broken)?.to_bytes();
            Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
        };
        let late = || format!("{}: no response within 10 s, when Nevent gives up", self.url);
        timeout(Duration::from_secs(10), exchange).await.unwrap_or_else(|_| Err(late().into()))
    }

    /// Signs at the time of sending, as Nevent does for a retry, unless `--timestamp` is given.
    fn request(&self) -> Result<Request<Full<Bytes>>, http::Error> {
        let signed_at = self.timestamp.unwrap_or_else(|| SystemClock.unix_seconds());
        let mut request = Request::post(&self.url)
            .header(SIGNATURE_HEADER, self.signer.header(signed_at, &self.body))
            .header(DELIVERY_HEADER, &self.delivery)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "Nevent-Webhooks/1.0");
        if let Some(event) = &self.event {
            request = request.header(EVENT_HEADER, event);
        }
        request.body(Full::from(self.body.clone()))
    }

    fn explain(&self, error: &ClientError) -> String {
        let mut cause: &dyn Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        if error.is_connect() {
            format!(
                "cannot connect to {}: {cause}. Start a receiver there with \
                 `cargo run --example axum`, or give the --url of one",
                self.url
            )
        } else {
            format!("{}: no response: {cause}. The receiver's log may tell why", self.url)
        }
    }
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;
