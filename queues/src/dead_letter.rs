use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nevent_webhooks::queue::Envelope;

/// An entry that nobody will try again, unless it is replayed. It is as it was when it was listed.
#[derive(Clone)]
pub struct DeadLetter {
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) content: Result<Envelope, Vec<u8>>,
}

/// Which dead letters to replay or to delete.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use nevent_webhooks_queues::Select;
///
/// let now = SystemTime::now();
/// let yesterday = Select::ReceivedBetween(now - Duration::from_secs(2 * 86_400), now);
/// # let _ = (yesterday, Select::Id("evt_1"), Select::Type("ticket.sold"));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Select<'a> {
    /// All that there are now.
    All,
    /// Those with this [id](DeadLetter::id).
    Id(&'a str),
    /// Those whose event has this type.
    Type(&'a str),
    /// Those whose delivery the receiver has received at or after the first time, and before the second.
    ReceivedBetween(SystemTime, SystemTime),
}

impl DeadLetter {
    /// [`Envelope::id`]: the id of the event, or else of the delivery. If the entry cannot be read, its
    /// name in the queue, which may be empty.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why it is a dead letter.
    ///
    /// | reason | means |
    /// | --- | --- |
    /// | `failed`, `panicked`, `timed_out`, `not_committed` | how its handler ended at the last attempt |
    /// | `worker_vanished` | workers that had it crashed too often |
    /// | `not_an_event` | it is no event, or one that cannot be read: see [`Envelope::is_readable`] |
    /// | `unreadable` | it is no envelope |
    /// | `broker` | the broker made it a dead letter for a reason of its own, such as a policy |
    ///
    /// `RabbitMQ` moves a message as it was, so there it is `failed`, however the handler ended. The
    /// [incident](crate::WorkerIncident) that the worker's observer gets says how.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Attempts that have failed.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The entry, if it can be read.
    #[must_use]
    pub fn envelope(&self) -> Option<&Envelope> {
        self.content.as_ref().ok()
    }

    /// The type of the event, if the entry can be read and is one.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.envelope()?.event_type()
    }

    /// The bytes of an entry that cannot be read.
    #[must_use]
    pub fn unreadable(&self) -> Option<&[u8]> {
        self.content.as_ref().err().map(Vec::as_slice)
    }
}

impl Select<'_> {
    /// Whether it names this dead letter.
    #[must_use]
    pub fn includes(&self, letter: &DeadLetter) -> bool {
        match *self {
            Self::All => true,
            Self::Id(id) => letter.id == id,
            Self::Type(event_type) => letter.event_type() == Some(event_type),
            Self::ReceivedBetween(from, to) => {
                let received = letter.envelope().map(Envelope::received_at_millis);
                received.is_some_and(|at| unix_millis(from) <= at && at < unix_millis(to))
            }
        }
    }
}

pub(crate) fn unix_millis(time: SystemTime) -> i64 {
    let after = |since: Duration| i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -after(before.duration()), after)
}

/// Without the body, which contains personal data.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .field("event_type", &self.event_type())
            .finish_non_exhaustive()
    }
}
