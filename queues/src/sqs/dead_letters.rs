use std::time::{SystemTime, UNIX_EPOCH};

use super::dead_letter::letter_of;
use super::link::Link;
use super::scan::Scan;
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

impl SqsDeadLetters {
    /// Finds the queues, also if they would lose entries: see [`SqsDeadLetters::warning`].
    ///
    /// # Errors
    ///
    /// [`SqsError`]: SQS cannot be reached, there is no such queue, or it has no dead-letter queue.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, and for a client's configuration without a behavior version.
    pub async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        Ok(Self { link: Link::connect(options).await?, options: options.clone() })
    }

    /// Returns why the queues would lose entries, as they were found last.
    #[must_use]
    pub fn warning(&self) -> Option<SqsError> {
        self.link.refusal()
    }

    /// Lists up to `limit` dead letters. All of them stay.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, SqsError> {
        let mut scan = Scan::new(&self.link, limit);
        let letters = scan.all().await;
        scan.end(letters).await
    }

    /// Puts dead letters into the queue again, with all their attempts. Returns how many.
    ///
    /// To replay all of very many, start a redrive to a custom destination in the console of SQS, or
    /// `StartMessageMoveTask` with a `DestinationArn`. Entries that the worker has made dead letters have all
    /// their attempts again then, too.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails. Call it again: what has been replayed is gone, but for one that may be in
    /// both queues. [`SqsError::TooLarge`] if a dead letter is too large for the queue. It stays, and all
    /// others are replayed.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, SqsError> {
        self.each(select, Some(this_call())).await
    }

    /// Removes dead letters for good, for example those of a fan who is to be forgotten. Returns how
    /// many.
    ///
    /// # Errors
    ///
    /// [`SqsError`] if SQS fails.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, SqsError> {
        self.each(select, None).await
    }

    /// Removes the chosen dead letters, and sends them again first in a replay. Returns how many.
    async fn each(&self, select: Select<'_>, replay: Option<String>) -> Result<usize, SqsError> {
        let mut scan = Scan::new(&self.link, usize::MAX);
        let count = self.each_of(&mut scan, select, replay).await;
        scan.end(count).await
    }

    async fn each_of(
        &self,
        scan: &mut Scan<'_>,
        select: Select<'_>,
        replay: Option<String>,
    ) -> Result<usize, SqsError> {
        let (mut count, mut too_large) = (0, None);
        while let Some(taken) = scan.next().await? {
            // This very call has replayed it, and it is a dead letter again. The call might never end.
            let is_back = replay.is_some() && taken.state.replay == replay;
            if is_back || !select.includes(&letter_of(&taken)) {
                continue;
            }
            if let Some(replay) = &replay {
                let queues = self.link.queues();
                let message = taken.replayed(replay, self.options.group.as_ref());
                let (size, limit) = (message.size(), queues.largest);
                if size > limit {
                    too_large = Some(SqsError::TooLarge { size, limit });
                    continue;
                }
                self.link.api.send(&queues.url, message).await?;
            }
            scan.remove(&taken).await?;
            count += 1;
        }
        too_large.map_or(Ok(count), Err)
    }
}

/// A name for one call of a tool.
fn this_call() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_millis(), std::process::id())
}
