use nevent_webhooks::{Secret, Signer};

use super::{EVENT, SECRET};

/// A delivery to be sent: genuine unless told otherwise.
#[derive(Clone)]
pub struct Post {
    body: Vec<u8>,
    sent_body: Option<Vec<u8>>,
    id: Option<String>,
    event: Option<String>,
    secret: String,
    age: i64,
    signature: Signature,
    more_headers: Vec<(String, Vec<u8>)>,
    chunks: Option<Vec<usize>>,
}

#[derive(Clone)]
enum Signature {
    Genuine,
    None,
    Lines(Vec<Vec<u8>>),
}

impl Post {
    pub fn new(id: &str) -> Self {
        Self {
            body: EVENT.to_vec(),
            sent_body: None,
            id: Some(id.to_owned()),
            event: Some("purchase.completed".to_owned()),
            secret: SECRET.to_owned(),
            age: 0,
            signature: Signature::Genuine,
            more_headers: Vec::new(),
            chunks: None,
        }
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends another body than the one that is signed.
    pub fn but_send(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.sent_body = Some(body.into());
        self
    }

    pub fn without_id(mut self) -> Self {
        self.id = None;
        self
    }

    /// Sets the event header; `None` leaves it out.
    pub fn event(mut self, event: impl Into<Option<&'static str>>) -> Self {
        self.event = event.into().map(str::to_owned);
        self
    }

    pub fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// Signed so many seconds ago; in the future if negative.
    pub fn age(mut self, seconds: i64) -> Self {
        self.age = seconds;
        self
    }

    pub fn without_signature(mut self) -> Self {
        self.signature = Signature::None;
        self
    }

    pub fn signature(mut self, line: impl Into<Vec<u8>>) -> Self {
        match &mut self.signature {
            Signature::Lines(lines) => lines.push(line.into()),
            other => *other = Signature::Lines(vec![line.into()]),
        }
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.more_headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the body chunked, in pieces of these lengths and a last one of what
    /// is left.
    pub fn chunks(mut self, lengths: Vec<usize>) -> Self {
        self.chunks = Some(lengths);
        self
    }

    pub fn t(&self, now: i64) -> i64 {
        now - self.age
    }

    /// The 64 digits that are right for this delivery.
    pub fn v1(&self, now: i64) -> String {
        signer(&self.secret).v1(self.t(now), &self.body)
    }

    /// The signature line that is right for this delivery.
    pub fn right(&self, now: i64) -> String {
        signer(&self.secret).header(self.t(now), &self.body)
    }

    /// The request's head as it goes over the wire, and its body.
    pub fn wire(&self, now: i64) -> (Vec<u8>, Vec<u8>) {
        let mut head = b"POST /webhooks/nevent HTTP/1.1\r\nHost: localhost\r\n".to_vec();
        let mut line = |name: &str, value: &[u8]| {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        };
        line("Content-Type", b"application/json");
        if let Some(event) = &self.event {
            line("X-Nevent-Event", event.as_bytes());
        }
        match &self.signature {
            Signature::Genuine => line("X-Nevent-Signature", self.right(now).as_bytes()),
            Signature::None => {}
            Signature::Lines(lines) => {
                for value in lines {
                    line("X-Nevent-Signature", value);
                }
            }
        }
        if let Some(id) = &self.id {
            line("X-Nevent-Delivery", id.as_bytes());
        }
        let body = self.sent_body.as_ref().unwrap_or(&self.body);
        let body = match &self.chunks {
            Some(lengths) => {
                line("Transfer-Encoding", b"chunked");
                chunked(body, lengths)
            }
            None if self.more_headers.iter().any(|(name, _)| name == "Content-Length") => {
                body.clone()
            }
            None => {
                line("Content-Length", body.len().to_string().as_bytes());
                body.clone()
            }
        };
        for (name, value) in &self.more_headers {
            line(name, value);
        }
        head.extend(b"\r\n");
        (head, body)
    }
}

/// For requests of other senders.
#[cfg(feature = "schemes")]
impl Post {
    /// A request with these headers alone, besides those of HTTP, from another sender than Nevent.
    pub fn of_headers(headers: Vec<(&str, String)>, body: &[u8]) -> Self {
        let nothing = Self::new("").without_id().event(None).without_signature().body(body);
        headers.into_iter().fold(nothing, |post, (name, value)| post.header(name, value))
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.more_headers.retain(|(other, _)| other != name);
        self
    }

    /// Sends another value in the header than before.
    pub fn with_header(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without_header(name).header(name, value)
    }

    /// The value of a header that was given.
    pub fn value_of(&self, name: &str) -> String {
        let header = self.more_headers.iter().find(|(other, _)| other == name);
        String::from_utf8(header.expect("it was given").1.clone()).expect("text")
    }
}

fn signer(secret: &str) -> Signer {
    Signer::new(&Secret::dangerously_allow_weak(secret).expect("a key"))
}

fn chunked(body: &[u8], lengths: &[usize]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut rest = body;
    for length in lengths.iter().copied().chain([usize::MAX]) {
        let (chunk, after) = rest.split_at(length.min(rest.len()));
        if !chunk.is_empty() {
            wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            wire.extend([chunk, b"\r\n"].concat());
        }
        rest = after;
    }
    wire.extend(b"0\r\n\r\n");
    wire
}
