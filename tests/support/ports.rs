//! Ports for the programs that tests start. Each test includes this file.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Below the ports that systems give to outgoing connections, so that a killed
/// server finds its port free when it comes back.
const FIRST: u64 = 10_000;
const COUNT: u64 = 20_000;

/// Test processes that run at the same time begin in different places.
static NEXT: LazyLock<AtomicU64> =
    LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one("port") % COUNT));

/// A port of 127.0.0.1 that nobody listens on, never given twice. Another program may still
/// take it before it is bound.
pub fn free_port() -> u16 {
    for _ in 0..COUNT {
        let number = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = u16::try_from(number).expect("below 30000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port of 127.0.0.1 from {FIRST} on: stop what listens there")
}
