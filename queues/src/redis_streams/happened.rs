use std::time::Duration;

use super::RedisStreamsError;

/// Something that a worker reports to its observer: everything but success. It holds no payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisStreamsHappened<'a> {
    /// An entry waits for another attempt.
    #[non_exhaustive]
    Retry {
        /// The id of the event, or that of the entry if it cannot be read.
        event: &'a str,
        /// How the handler ended: the name of a [`Handled`](nevent_webhooks::queue::Handled). Or
        /// `unknown_version`: only a newer worker can read the entry.
        outcome: &'static str,
        /// Attempts that have failed.
        attempts: u32,
        /// The time until the next.
        delay: Duration,
    },
    /// An entry became a dead letter. Somebody should look at it.
    #[non_exhaustive]
    DeadLetter {
        /// The id of the event, or that of the entry if it cannot be read.
        event: &'a str,
        /// `failed`, `panicked`, `timed_out`, `not_committed`, `unreadable`, `not_an_event` or
        /// `crashed`.
        reason: &'static str,
        /// Attempts that have failed.
        attempts: u32,
    },
    /// The server failed. The worker tries again.
    #[non_exhaustive]
    ServerFailed {
        /// What happened.
        error: &'a RedisStreamsError,
    },
}
