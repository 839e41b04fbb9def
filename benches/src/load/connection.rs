//! One keep-alive connection.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;

/// A connection, and the request on it.
pub struct Connection {
    pub stream: TcpStream,
    begun: Instant,
    /// What the socket has not taken yet.
    unsent: Bytes,
    response: [u8; 1024],
    received: usize,
}

pub enum State {
    /// No request, or one whose response is not complete.
    Waiting,
    /// The response arrived this long after the request was begun.
    Done(Duration),
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        stream.set_nonblocking(true).expect("a socket");
        let stream = TcpStream::from_std(stream);
        let now = Instant::now();
        Self { stream, begun: now, unsent: Bytes::new(), response: [0; 1024], received: 0 }
    }

    pub fn begin(&mut self, request: &Bytes) {
        self.begun = Instant::now();
        self.received = 0;
        self.unsent = request.clone();
        self.send();
    }

    /// Sends and receives what the socket takes and has.
    pub fn advance(&mut self) -> State {
        self.send();
        let received = taken(self.stream.read(&mut self.response[self.received..]));
        self.received += received;
        let response = &self.response[..self.received];
        let is_done = received > 0 && is_complete(response);
        if is_done { State::Done(self.begun.elapsed()) } else { State::Waiting }
    }

    fn send(&mut self) {
        while !self.unsent.is_empty() {
            match taken(self.stream.write(&self.unsent)) {
                0 => return,
                sent => self.unsent.advance(sent),
            }
        }
    }
}

/// Every handler answers `ok`. A repeat would have another body, and fail here.
fn is_complete(response: &[u8]) -> bool {
    let is_ok = response.len() < 12 || response.starts_with(b"HTTP/1.1 200");
    let has_room = response.len() < 1024;
    assert!(is_ok && has_room, "a response: {}", String::from_utf8_lossy(response));
    response.ends_with(b"\r\n\r\nok")
}

/// The bytes that the socket took or gave: none if it is not ready.
fn taken(result: Result<usize>) -> usize {
    match result {
        Ok(0) => panic!("the server closed the connection"),
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("the connection failed: {error}"),
    }
}
