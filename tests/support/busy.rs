//! Time limits, on a machine that may be busy.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::Delivery;

/// The longest a busy machine may need until one attempt comes in time.
const PATIENCE: Duration = Duration::from_secs(100);

/// Repeats an attempt until it takes less than `limit`. A receiver that is too slow is too slow
/// each time; a busy machine is not.
pub async fn within(limit: Duration, attempt: impl AsyncFn() -> Duration) {
    let (begun, mut took) = (Instant::now(), Vec::new());
    while begun.elapsed() < PATIENCE {
        took.push(attempt().await);
        if took.last().is_some_and(|took| *took < limit) {
            return;
        }
    }
    panic!("never within {limit:?}: {took:?}");
}

/// Repeats an attempt, with a handler that works for 100 ms, until the handler ends within `time`
/// and the attempt returns a check. Attempts that a busy machine delays prove nothing.
pub async fn in_time<C: FnOnce()>(time: Duration, attempt: impl AsyncFn(Work) -> Option<C>) {
    let first = Instant::now();
    while first.elapsed() < PATIENCE {
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
        if let Some(check) = attempt(work).await
            && *ended.get().expect("it ran") < begun + time
        {
            return check();
        }
    }
    panic!("no attempt comes within {time:?}");
}

pub type Work =
    Box<dyn Fn(Delivery) -> Pin<Box<dyn Future<Output = StatusCode> + Send>> + Send + Sync>;
