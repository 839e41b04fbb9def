//! Times to be kept, on a machine that may be busy.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::Delivery;

/// Within such a time, unless the machine is busy: a receiver that takes longer takes longer
/// each time, and a busy machine does not.
pub async fn within(limit: Duration, attempt: impl AsyncFn() -> Duration) {
    let mut took = Vec::new();
    while took.len() < 10 {
        took.push(attempt().await);
        if took.last().is_some_and(|took| *took < limit) {
            return;
        }
    }
    panic!("never within {limit:?}: {took:?}");
}

/// Tries it with a handler that works for a while, until on a busy machine, too, one has
/// ended in time; the outcome of the others says nothing.
pub async fn in_time<C: FnOnce()>(time: Duration, attempt: impl AsyncFn(Work) -> C) {
    for _ in 0..20 {
        let ended = Arc::new(OnceLock::new());
        let work: Work = {
            let ended = Arc::clone(&ended);
            Box::new(move |_| {
                let ended = Arc::clone(&ended);
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    ended.get_or_init(Instant::now);
                    StatusCode::OK
                })
            })
        };
        let begun = Instant::now();
        let check = attempt(work).await;
        if *ended.get().expect("it ran") < begun + time {
            return check();
        }
    }
    panic!("no handler of 100 ms ends within {time:?}");
}

pub type Work =
    Box<dyn Fn(Delivery) -> Pin<Box<dyn Future<Output = StatusCode> + Send>> + Send + Sync>;
