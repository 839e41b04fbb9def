//! A subscriber, and what it has heard.

use std::cell::RefCell;
use std::io::{Result, Write};
use std::sync::Once;

use tracing::Level;

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Once, and before anything is logged on any thread.
pub(super) fn subscribe() {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::DEBUG);
        subscriber.with_ansi(false).without_time().with_writer(|| Log).init();
    });
}

/// The lines that this thread has logged, without durations. Each test has a thread of its own.
pub(super) fn lines_with_spans() -> Vec<String> {
    let log = LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap());
    log.lines().map(|line| without_durations(line.trim_start())).collect()
}

/// The same without their spans.
pub(super) fn lines() -> Vec<String> {
    let without_span = |line: String| match line.split_once("nevent_webhooks: ") {
        Some((start, text)) => {
            let level = start.split(' ').next().unwrap();
            format!("{level} nevent_webhooks: {text}")
        }
        None => line,
    };
    lines_with_spans().into_iter().map(without_span).collect()
}

/// The lines that are no debug lines.
pub(super) fn warnings() -> Vec<String> {
    lines().into_iter().filter(|line| !line.starts_with("DEBUG ")).collect()
}

fn without_durations(line: &str) -> String {
    let is_duration =
        |field: &&str| ["took=", "body_read=", "after="].iter().any(|name| field.starts_with(name));
    line.split(' ').filter(|field| !is_duration(field)).collect::<Vec<_>>().join(" ")
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
