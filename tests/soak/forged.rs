//! Well-formed signatures that nobody with the secret has made, over 1 MiB each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::task::JoinSet;

use super::Over;
use super::genuine::{Client, now};

pub struct Report {
    pub refused: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "forged: {} of 1 MiB, each refused", self.refused)
    }
}

pub async fn flood(senders: usize, port: u16, over: Over) -> Report {
    let sender = |_| forge(port, Arc::clone(&over));
    let refused = (0..senders).map(sender).collect::<JoinSet<_>>().join_all().await;
    Report { refused: refused.into_iter().sum() }
}

async fn forge(port: u16, over: Over) -> usize {
    let body = Bytes::from(vec![b' '; 1 << 20]);
    let (mut client, mut refused) = (Client::connect(port).await, 0);
    while !over.load(Ordering::SeqCst) {
        let signature = format!("t={},v1={}", now(), "0".repeat(64));
        let status = client.post(&format!("forged-{refused}"), &signature, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        refused += 1;
    }
    refused
}
