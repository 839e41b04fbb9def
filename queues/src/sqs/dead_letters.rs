use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::dead_letter::letter_of;
use super::link::Link;
use super::taken::Taken;
use super::{SqsError, SqsOptions};
use crate::{DeadLetter, Select};

/// The dead letters of a queue: entries that failed at their last attempt, that lost their worker too
/// often, that cannot be read, or that are no events.
///
/// SQS shows no message without receiving it. Each method receives all dead letters and gives back those
/// that stay. In the meantime no other tool sees them. If the process ends in between, they are back after
/// 10 minutes.
///
/// ```no_run
/// use aws_config::BehaviorVersion;
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsOptions};
///
/// # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
/// let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
/// let dead = SqsDeadLetters::connect(&SqsOptions::new(&aws, "tickets")?).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay(Select::Type("ticket.sold")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SqsDeadLetters {
    options: SqsOptions,
    link: Link,
}

/// How long the messages are invisible that have been received.
const HOLD: Duration = Duration::from_secs(10 * 60);
/// A request that waits asks all servers of the queue. One that does not wait asks some of them, and may
/// find nothing although there is something.
const WAIT: Duration = Duration::from_secs(1);

impl SqsDeadLetters {
    /// Finds the queues, and checks their configuration.
    ///
    /// # Errors
    ///
    /// [`SqsError`]: SQS cannot be reached, there is no such queue, or it would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, and for a client's configuration without a behavior version.
    pub async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        Ok(Self { link: Link::connect(options).await?, options: options.clone() })
    }

    /// Lists up to `limit` dead letters. All of them stay.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, SqsError> {
        let mut letters = Vec::new();
        let visit = async |taken: &Taken| {
            letters.push(letter_of(taken));
            Ok(false)
        };
        self.visit(limit, visit).await?;
        Ok(letters)
    }

    /// Puts dead letters into the queue again, with all their attempts. Returns how many.
    ///
    /// To replay all of very many, start a redrive in the console of SQS, or `StartMessageMoveTask`: the
    /// worker knows such entries, and they have all their attempts again, too.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails. Call it again: what has been replayed is gone, but for one that may be in
    /// both queues.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, SqsError> {
        let replay = this_call();
        self.each(select, async |taken| {
            // It is a dead letter again before this ends. Otherwise this might never end.
            if taken.state.replay.as_deref() == Some(&replay) {
                return Ok(false);
            }
            let queues = self.link.queues();
            let message = taken.replayed(&replay, queues.is_fifo, self.options.group.as_ref());
            self.link.api.send(&queues.url, message).await?;
            Ok(true)
        })
        .await
    }

    /// Removes dead letters for good, for example those of a fan who is to be forgotten. Returns how
    /// many.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, SqsError> {
        self.each(select, async |_| Ok(true)).await
    }

    /// Removes the chosen dead letters for which `act` returns true. Returns how many.
    async fn each(
        &self,
        select: Select<'_>,
        act: impl AsyncFn(&Taken) -> Result<bool, SqsError>,
    ) -> Result<usize, SqsError> {
        let mut count = 0;
        let visit = async |taken: &Taken| {
            let goes = select.includes(&letter_of(taken)) && act(taken).await?;
            count += usize::from(goes);
            Ok(goes)
        };
        self.visit(usize::MAX, visit).await?;
        Ok(count)
    }

    /// Receives up to `limit` dead letters. Removes those for which `visit` returns true, and then gives
    /// back the others, also after an error.
    async fn visit(
        &self,
        limit: usize,
        visit: impl AsyncFnMut(&Taken) -> Result<bool, SqsError>,
    ) -> Result<(), SqsError> {
        let mut kept = Vec::new();
        let visited = self.visit_all(limit, visit, &mut kept).await;
        let given_back = self.link.api.give_back(&self.link.queues().dead_url, &kept).await;
        visited.and(given_back)
    }

    async fn visit_all(
        &self,
        limit: usize,
        mut visit: impl AsyncFnMut(&Taken) -> Result<bool, SqsError>,
        kept: &mut Vec<String>,
    ) -> Result<(), SqsError> {
        let (api, mut seen) = (&self.link.api, HashSet::new());
        loop {
            let queues = self.link.queues();
            let messages = match limit.saturating_sub(seen.len()) {
                0 => return Ok(()),
                most => api.receive(&queues.dead_url, most, WAIT, HOLD).await?,
            };
            if messages.is_empty() {
                return Ok(());
            }
            // For these handles an error must not lead to a wait of ten minutes.
            let first = kept.len();
            kept.extend(messages.iter().map(|taken| taken.handle.clone()));
            for taken in &messages {
                // The first are visible again, or SQS has delivered one twice.
                if !seen.insert(taken.id.clone()) {
                    return Ok(());
                }
                if visit(taken).await? {
                    api.delete(&queues.dead_url, &taken.handle).await?;
                    let place = kept[first..].iter().position(|handle| *handle == taken.handle);
                    kept.swap_remove(first + place.unwrap_or_default());
                }
            }
        }
    }
}

/// A name for one call of a tool.
fn this_call() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_millis(), std::process::id())
}
