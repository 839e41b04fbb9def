use std::future::pending;
use std::io;
use std::time::Duration;

use redis::{RedisError, RedisResult};
use tokio::time::{Instant, timeout};

/// How many entries one answer may have, and how long it may take.
///
/// Large entries over a slow network take longer than the limit. With the same number, they would be
/// asked for again in vain for ever.
pub(super) struct Patience {
    at_first: usize,
    most: usize,
    is_long: bool,
}

/// Silence for so long means that the connection is dead.
const SHORT: Duration = Duration::from_secs(5);
/// For an answer with a single entry.
const LONG: Duration = Duration::from_secs(50);

impl Patience {
    pub(super) fn new(most: usize) -> Self {
        Self { at_first: most, most, is_long: false }
    }

    /// For one entry, however large it is.
    pub(super) fn for_one() -> Self {
        Self { at_first: 1, most: 1, is_long: true }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Whether a longer wait, or fewer entries, are left to try.
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_long
    }

    /// Waits for an answer with so many entries at most.
    pub(super) async fn wait<T>(
        &mut self,
        entries: usize,
        answer: impl Future<Output = RedisResult<Vec<T>>>,
    ) -> RedisResult<Vec<T>> {
        self.wait_unless(pending(), entries, answer).await
    }

    /// The same, or until `stop` completes.
    pub(super) async fn wait_unless<T>(
        &mut self,
        stop: impl Future<Output = ()>,
        entries: usize,
        answer: impl Future<Output = RedisResult<Vec<T>>>,
    ) -> RedisResult<Vec<T>> {
        let (begun, limit) = (Instant::now(), self.limit());
        let answer = tokio::select! {
            answer = timeout(limit, answer) => answer,
            () = stop => return Err(no_answer("before the worker stopped")),
        };
        let Ok(answer) = answer else {
            self.shrink(entries);
            return Err(too_slow(limit));
        };
        if begun.elapsed() < SHORT / 2 {
            match &answer {
                Ok(entries) if entries.is_empty() => self.is_long = false,
                Ok(_) => self.grow(),
                Err(_) => {}
            }
        }
        answer
    }

    fn limit(&self) -> Duration {
        if self.is_long { LONG } else { SHORT }
    }

    fn grow(&mut self) {
        self.most = self.most.saturating_mul(2).min(self.at_first);
        self.is_long = false;
    }

    /// After so many did not arrive.
    fn shrink(&mut self, entries: usize) {
        self.is_long = entries <= 1;
        self.most = (entries / 2).max(1);
    }
}

/// Waits for something that takes the server long, such as moving many large entries.
pub(super) async fn long<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(LONG, answer).await.unwrap_or_else(|_| Err(too_slow(LONG)))
}

fn too_slow(limit: Duration) -> RedisError {
    no_answer(&format!("within {limit:?}"))
}

fn no_answer(when: &str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer {when}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_entries_are_asked_for_until_they_arrive() {
        let mut patience = Patience::new(4);
        for (most, limit) in [(4, SHORT), (2, SHORT), (1, SHORT), (1, LONG), (1, LONG)] {
            assert_eq!((patience.most(), patience.limit()), (most, limit));
            patience.shrink(patience.most());
        }
        assert!(patience.is_exhausted());
        for most in [2, 4, 4] {
            patience.grow();
            assert_eq!((patience.most(), patience.limit()), (most, SHORT));
        }
    }

    /// Otherwise a worker with nothing to do would find out after 50 s that its connection is dead.
    #[tokio::test]
    async fn a_quick_answer_without_entries_ends_the_long_wait_for_the_next() {
        let mut patience = Patience::new(4);
        patience.shrink(1);
        assert_eq!((patience.most(), patience.limit()), (1, LONG));
        patience.wait(1, async { Ok(Vec::<()>::new()) }).await.expect("an answer");
        assert_eq!((patience.most(), patience.limit()), (1, SHORT));
    }
}
