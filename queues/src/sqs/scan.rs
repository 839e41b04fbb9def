//! All messages of the dead-letter queue, one after the other.

use std::collections::HashSet;
use std::time::{Duration, Instant};
use std::vec;

use super::SqsError;
use super::dead_letter::letter_of;
use super::link::Link;
use super::taken::Taken;
use crate::DeadLetter;

/// Receives up to so many messages. Those that are not removed are given back at the end.
pub(super) struct Scan<'a> {
    link: &'a Link,
    left: usize,
    received: vec::IntoIter<Taken>,
    /// The ids of the messages so far.
    seen: HashSet<String>,
    begun: Instant,
    /// The receipt handles of those that stay.
    kept: Vec<String>,
}

/// How long the messages are invisible that have been received.
const HOLD: Duration = Duration::from_secs(10 * 60);
/// A request that waits asks all servers of the queue. One that does not wait asks some of them, and may
/// find nothing although there is something.
const WAIT: Duration = Duration::from_secs(1);

impl<'a> Scan<'a> {
    pub(super) fn new(link: &'a Link, limit: usize) -> Self {
        let (received, seen, kept) = (Vec::new().into_iter(), HashSet::new(), Vec::new());
        Self { link, left: limit, received, seen, begun: Instant::now(), kept }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Taken>, SqsError> {
        // SQS may answer with nothing but messages that came before, while others are left.
        while self.received.len() == 0 && self.left > 0 && self.receive().await? {}
        let Some(taken) = self.received.next() else { return Ok(None) };
        self.left -= 1;
        Ok(Some(taken))
    }

    /// Returns whether SQS has answered with any message. It has not when all have been received.
    async fn receive(&mut self) -> Result<bool, SqsError> {
        // The first are visible again, and come again in place of the others.
        if self.begun.elapsed() >= HOLD {
            return Err(SqsError::TooMany(HOLD));
        }
        let url = &self.link.queues().dead_url;
        let received = self.link.api.receive(url, self.left, WAIT, HOLD).await?;
        let is_any = !received.is_empty();
        self.kept.extend(received.iter().map(|taken| taken.handle.clone()));
        self.received = unseen(&mut self.seen, received).into_iter();
        Ok(is_any)
    }

    /// All that come, as they are listed.
    pub(super) async fn all(&mut self) -> Result<Vec<DeadLetter>, SqsError> {
        let mut letters = Vec::new();
        while let Some(taken) = self.next().await? {
            letters.push(letter_of(&taken));
        }
        Ok(letters)
    }

    /// Removes the message that came last.
    pub(super) async fn remove(&mut self, taken: &Taken) -> Result<(), SqsError> {
        self.link.api.delete(&self.link.queues().dead_url, &taken.handle).await?;
        if let Some(place) = self.kept.iter().rposition(|handle| *handle == taken.handle) {
            self.kept.swap_remove(place);
        }
        Ok(())
    }

    /// Gives back the others, also after an error: they would be invisible for ten minutes.
    pub(super) async fn end<T>(self, result: Result<T, SqsError>) -> Result<T, SqsError> {
        let given_back = self.link.api.give_back(&self.link.queues().dead_url, &self.kept).await;
        result.and_then(|value| given_back.map(|()| value))
    }
}

/// Without those that SQS delivers for the second time, or that another worker or tool has made visible.
fn unseen(seen: &mut HashSet<String>, received: Vec<Taken>) -> Vec<Taken> {
    received.into_iter().filter(|taken| seen.insert(taken.id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::Message;

    use super::*;

    #[test]
    fn a_message_that_comes_again_hides_no_other() {
        let mut seen = HashSet::new();
        let mut ids = |received: &[&str]| {
            let message = |id: &&str| Message::builder().message_id(*id).build();
            let taken = received.iter().map(|id| Taken::new(message(id), false, HOLD)).collect();
            let new = unseen(&mut seen, taken);
            new.into_iter().map(|taken| taken.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&["1", "2"]), ["1", "2"]);
        assert_eq!(ids(&["1", "3", "3"]), ["3"]);
        assert!(ids(&["2", "3"]).is_empty());
    }
}
