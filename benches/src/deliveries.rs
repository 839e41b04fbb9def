//! Signed deliveries, each with an id and signed bytes of its own.

mod frames;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request};
use nevent_webhooks::{DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, Secret, Signer};

/// The secret of all receivers.
pub const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";

/// A signed delivery, to be sent once.
#[derive(Clone)]
pub struct Signed {
    pub id: HeaderValue,
    pub signature: HeaderValue,
    pub body: Bytes,
}

/// # Panics
///
/// Never: the secret is well-formed.
#[must_use]
pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

/// Signs this many deliveries now, with bodies of `length` bytes. No body has come before: the numbers
/// begin at `first`.
///
/// # Panics
///
/// If the bodies are too short for a number of eight digits.
#[must_use]
pub fn sign(first: u32, count: u32, length: usize) -> Vec<Signed> {
    let signer = Signer::new(&secret());
    let now = unix_seconds();
    let deliveries = (first..first + count).map(|number| {
        let mut body =
            format!("{{\"id\":\"evt_{number:08x}\",\"type\":\"ticket.purchased\",\"data\":\"");
        assert!(body.len() + 2 <= length, "a body of {length} bytes is too short");
        body.extend(std::iter::repeat_n('x', length - body.len() - 2));
        body.push_str("\"}");
        let signature = signer.header(now, body.as_bytes());
        Signed {
            id: header(&format!("{number:08x}-89ab-4cde-8f01-23456789abcd")),
            signature: header(&signature),
            body: body.into(),
        }
    });
    deliveries.collect()
}

/// Signs this many deliveries now. None of them has come before in this process.
#[must_use]
pub fn sign_new(count: u32, length: usize) -> Vec<Signed> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    sign(NEXT.fetch_add(count, Ordering::Relaxed), count, length)
}

impl Signed {
    /// The request with the headers that Nevent sends.
    ///
    /// # Panics
    ///
    /// Never: the parts of the request are well-formed.
    #[must_use]
    pub fn request(&self) -> Request<Body> {
        Request::post("/webhooks")
            .header("host", "tickets.example.com")
            .header("user-agent", "Nevent-Webhooks/1.0")
            .header("content-type", "application/json")
            .header("content-length", self.body.len())
            .header(SIGNATURE_HEADER, &self.signature)
            .header(DELIVERY_HEADER, &self.id)
            .header(EVENT_HEADER, "ticket.purchased")
            .body(frames::body(self.body.clone()))
            .expect("a request")
    }

    /// The same request as the bytes of HTTP/1.1.
    ///
    /// # Panics
    ///
    /// Never: all headers are printable.
    #[must_use]
    pub fn to_http1(&self) -> Bytes {
        let mut bytes = b"POST /webhooks HTTP/1.1\r\n".to_vec();
        for (name, value) in self.request().headers() {
            let value = value.to_str().expect("printable");
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes.into()
    }
}

/// # Panics
///
/// If the clock is set before 1970.
#[must_use]
pub fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("printable")
}
