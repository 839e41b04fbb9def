use std::collections::HashMap;
use std::fmt;

use nevent_webhooks::queue::{Envelope, EnvelopeError};
use redis::{RedisResult, cmd};

use super::entry::{ENVELOPE, Raw};
use super::keys::Keys;
use super::{RedisStreams, RedisStreamsError};

/// The dead letters of a scope. See [`RedisStreams::dead_letters`].
///
/// ```no_run
/// use nevent_webhooks::store::Scope;
/// use nevent_webhooks_queues::redis_streams::{RedisReplay, RedisStreams};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisStreams::connect("redis://localhost:6379").await?;
/// let dead = redis.dead_letters(&Scope::new("tickets")?);
/// for letter in dead.list().await? {
///     println!("{} {} {:?}", letter.id, letter.reason, letter.event_type);
/// }
/// let replayed = dead.replay(RedisReplay::Type("fan.created")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedisDeadLetters {
    redis: RedisStreams,
    keys: Keys,
}

/// Which dead letters to replay.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RedisReplay<'a> {
    /// All that there are now.
    All,
    /// These, by [`RedisDeadLetter::id`].
    Ids(&'a [String]),
    /// Those whose event has this type.
    Type(&'a str),
}

/// An entry that nobody will try again, unless it is replayed.
#[non_exhaustive]
pub struct RedisDeadLetter {
    /// Its id in the stream of dead letters. The part before the `-` is when it became one, in Unix
    /// milliseconds by the server's clock.
    pub id: String,
    /// Why: `failed`, `panicked`, `timed_out`, `not_committed`, `unreadable`, `not_an_event` or
    /// `crashed`.
    pub reason: String,
    /// Attempts that have failed.
    pub attempts: u32,
    /// The type of the event. Empty if it could not be read.
    pub event_type: String,
    /// The entry as it came.
    pub json: Vec<u8>,
}

impl RedisDeadLetter {
    /// Reads the envelope.
    ///
    /// # Errors
    ///
    /// It cannot be read, which may be why it is here.
    pub fn envelope(&self) -> Result<Envelope, EnvelopeError> {
        Envelope::from_json(&self.json)
    }

    fn read((id, mut fields): Raw) -> Self {
        let json = fields.remove(ENVELOPE.as_bytes()).unwrap_or_default();
        let text = |name| text(&fields, name);
        let (reason, event_type) = (text("dead_reason"), text("dead_type"));
        let attempts = text("dead_attempts").parse().unwrap_or_default();
        Self { id, reason, attempts, event_type, json }
    }
}

fn text(fields: &HashMap<Vec<u8>, Vec<u8>>, name: &str) -> String {
    fields
        .get(name.as_bytes())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .unwrap_or_default()
}

/// Entries in one answer: envelopes may be large.
const PAGE: usize = 100;

impl RedisDeadLetters {
    pub(super) fn new(redis: RedisStreams, keys: Keys) -> Self {
        Self { redis, keys }
    }

    /// Lists them all, the oldest first, with their envelopes: all are in memory.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer.
    pub async fn list(&self) -> Result<Vec<RedisDeadLetter>, RedisStreamsError> {
        self.all(Some).await
    }

    /// Moves dead letters back to the stream, each with all its attempts. Returns how many.
    ///
    /// Each is moved by one script, so none is lost and none is there twice.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer. Those that were moved before stay so.
    pub async fn replay(&self, which: RedisReplay<'_>) -> Result<u64, RedisStreamsError> {
        let ids = match which {
            RedisReplay::Ids(ids) => ids.to_vec(),
            RedisReplay::All => self.all(|letter| Some(letter.id)).await?,
            RedisReplay::Type(of) => {
                let id = |letter: RedisDeadLetter| (letter.event_type == of).then_some(letter.id);
                self.all(id).await?
            }
        };
        let mut replayed = 0_u64;
        for ids in ids.chunks(PAGE) {
            let mut call = self.redis.scripts().replay.key(&self.keys.queue);
            call.key(&self.keys.dead).arg(ids);
            let moved = call.invoke_async::<u64>(&mut self.redis.connection()).await;
            replayed = replayed.saturating_add(moved.map_err(|error| self.redis.failed(error))?);
        }
        Ok(replayed)
    }

    /// Deletes dead letters, for example those of a fan who is to be forgotten. Returns how many.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer.
    pub async fn delete(&self, ids: &[String]) -> Result<u64, RedisStreamsError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut delete = cmd("XDEL");
        let deleted = delete.arg(&self.keys.dead).arg(ids);
        let deleted = deleted.query_async(&mut self.redis.connection()).await;
        deleted.map_err(|error| self.redis.failed(error))
    }

    /// Picks from all dead letters, page by page, so that one page of envelopes is in memory at a time.
    async fn all<T>(
        &self,
        pick: impl Fn(RedisDeadLetter) -> Option<T>,
    ) -> Result<Vec<T>, RedisStreamsError> {
        let (mut picked, mut from) = (Vec::new(), "-".to_owned());
        loop {
            let page = self.page(&from).await.map_err(|error| self.redis.failed(error))?;
            let Some((last, _)) = page.last() else { return Ok(picked) };
            from = format!("({last}");
            picked.extend(page.into_iter().map(RedisDeadLetter::read).filter_map(&pick));
        }
    }

    async fn page(&self, from: &str) -> RedisResult<Vec<Raw>> {
        let mut range = cmd("XRANGE");
        range.arg(&self.keys.dead).arg(from).arg("+").arg("COUNT").arg(PAGE);
        range.query_async(&mut self.redis.connection()).await
    }
}

/// Shows the entry's length. The entry itself contains personal data.
impl fmt::Debug for RedisDeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisDeadLetter")
            .field("id", &self.id)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .field("event_type", &self.event_type)
            .field("json_length", &self.json.len())
            .finish()
    }
}
