//! A load generator that does as little as it can: requests that were written before, on raw sockets,
//! and responses of which only the status and the end are read.

mod connection;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};

use self::connection::{Connection, State};
use crate::rounds::as_f64;
use crate::server::cpu_nanos;

/// Keep-alive connections to a server. On each, one request waits for its response.
pub struct Load {
    poll: Poll,
    connections: Vec<Connection>,
}

/// What a round of requests showed.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub per_second: f64,
    /// The median and the 99th percentile of the times from a request's first byte to its response's
    /// last one.
    pub p50_micros: f64,
    pub p99_micros: f64,
    /// The part of the time in which the load generator used its core. Below 1 it waited for the server.
    pub busy: f64,
}

impl Load {
    /// # Panics
    ///
    /// If the server does not accept the connections.
    #[must_use]
    pub fn connect(address: SocketAddr, connections: usize) -> Self {
        let poll = Poll::new().expect("epoll");
        let connect = |token| {
            let mut connection = Connection::open(address);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut connection.stream, Token(token), both).expect("epoll");
            connection
        };
        let connections = (0..connections).map(connect).collect();
        Self { poll, connections }
    }

    /// Sends these requests, one after another on each connection, and waits for all responses.
    ///
    /// # Panics
    ///
    /// If a response is anything but 200 and `ok`, or none arrives for ten seconds.
    pub fn run(&mut self, requests: &[Bytes]) -> Round {
        let begun = Instant::now();
        let cpu = cpu_nanos("/proc/thread-self");
        let micros = self.send_all(requests);
        let elapsed = begun.elapsed().as_secs_f64();
        let percentile = |percent: usize| micros[(micros.len() - 1) * percent / 100];
        Round {
            per_second: as_f64(requests.len() as u64) / elapsed,
            p50_micros: percentile(50),
            p99_micros: percentile(99),
            busy: (cpu_nanos("/proc/thread-self") - cpu) / 1e9 / elapsed,
        }
    }

    /// Returns the time of each request in microseconds, sorted.
    fn send_all(&mut self, requests: &[Bytes]) -> Vec<f64> {
        let mut micros = Vec::with_capacity(requests.len());
        let mut requests_left = requests.iter();
        for connection in &mut self.connections {
            if let Some(request) = requests_left.next() {
                connection.begin(request);
            }
        }
        let mut events = Events::with_capacity(self.connections.len());
        while micros.len() < requests.len() {
            self.poll.poll(&mut events, Some(Duration::from_secs(10))).expect("epoll");
            assert!(!events.is_empty(), "the server has not answered for ten seconds");
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if let State::Done(time) = connection.advance() {
                    micros.push(time.as_secs_f64() * 1e6);
                    if let Some(request) = requests_left.next() {
                        connection.begin(request);
                    }
                }
            }
        }
        micros.sort_by(f64::total_cmp);
        micros
    }
}
