//! b09: a `Content-Length` makes the receiver reserve no memory.

use std::process::Command;

use crate::support::{Adapter, Connection, EVENT, Post, Receiver};

const LIMIT: usize = 1_048_576;

/// A thousand connections in all. The figure is a whole process's, so it is measured in one
/// that does nothing else.
#[test]
fn b09_a_length_reserves_nothing() {
    let this = std::env::current_exe().expect("this test's path");
    let mut alone = Command::new(this);
    alone.args(["--exact", "body_memory::b09_measured", "--nocapture"]).env(ALONE, "yes");
    let output = alone.output().expect("this test runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const ALONE: &str = "B09_ALONE";

/// Not a test of its own: `b09_a_length_reserves_nothing` runs it. Among the other tests it does
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b09_measured() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    for adapter in Adapter::ALL {
        let receiver = Receiver::on(*adapter).start().await;
        let (head, _) = Post::new("b").body(vec![b'x'; LIMIT]).wire(receiver.now());
        // A byte of body, so that reading has begun.
        let started = [head.as_slice(), b"x"].concat();
        let _first = stalled(&receiver, &started, 10).await;
        let before = address_space_bytes();
        let _more = stalled(&receiver, &started, 490).await;
        receiver.deliver(&Post::new("b2").body(EVENT)).await.is(200, "");
        let grown = address_space_bytes().saturating_sub(before);
        assert!(grown < 490 * LIMIT / 4, "490 connections took {grown} bytes of address space");
    }
}

async fn stalled(receiver: &Receiver, bytes: &[u8], count: usize) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = receiver.connect().await;
        connection.send(bytes).await;
        connections.push(connection);
    }
    connections
}

fn address_space_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = pages.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}
