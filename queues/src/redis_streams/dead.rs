use std::collections::HashMap;

use nevent_webhooks::queue::Envelope;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};

use super::entry::{ENVELOPE, Raw};
use super::keys::Keys;
use super::patience::{Patience, long};
use super::{RedisStreams, RedisStreamsError};
use crate::{DeadLetter, Select};

/// The dead letters of a scope. See [`RedisStreams::dead_letters`].
///
/// ```no_run
/// use nevent_webhooks::store::Scope;
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::redis_streams::RedisStreams;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisStreams::connect("redis://localhost:6379").await?;
/// let dead = redis.dead_letters(&Scope::new("tickets")?);
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay(Select::Type("fan.created")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedisDeadLetters {
    redis: RedisStreams,
    keys: Keys,
}

/// Entries in one answer: envelopes may be large.
const PAGE: usize = 16;
/// Ids in one command.
const IDS: usize = 100;

impl RedisDeadLetters {
    pub(super) fn new(redis: RedisStreams, keys: Keys) -> Self {
        Self { redis, keys }
    }

    /// Lists up to `limit` dead letters, the oldest first.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, RedisStreamsError> {
        self.pick(limit, |_, letter| Some(letter)).await
    }

    /// Moves dead letters back to the stream, each with all its attempts. Returns how many.
    ///
    /// Each is moved by one script, so none is lost and none is there twice.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer. Those that were moved before stay so.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, RedisStreamsError> {
        let (ids, failed) = (self.ids(select).await?, |error| self.redis.failed(error));
        let mut connection = self.redis.own_connection().await.map_err(failed)?;
        let mut replayed = 0_usize;
        for ids in ids.chunks(PAGE) {
            let mut call = self.redis.scripts().replay.key(&self.keys.queue);
            call.key(&self.keys.dead).arg(ids);
            let moved = long(call.invoke_async::<usize>(&mut connection)).await;
            replayed = replayed.saturating_add(moved.map_err(failed)?);
        }
        Ok(replayed)
    }

    /// Deletes dead letters, for example those of a fan who is to be forgotten. Returns how many.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer. Those that were deleted before stay so.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, RedisStreamsError> {
        let mut deleted = 0_usize;
        for ids in self.ids(select).await?.chunks(IDS) {
            let mut delete = cmd("XDEL");
            let delete = delete.arg(&self.keys.dead).arg(ids);
            let gone = delete.query_async::<usize>(&mut self.redis.connection()).await;
            deleted = deleted.saturating_add(gone.map_err(|error| self.redis.failed(error))?);
        }
        Ok(deleted)
    }

    /// The ids of these dead letters in the stream.
    async fn ids(&self, select: Select<'_>) -> Result<Vec<String>, RedisStreamsError> {
        self.pick(usize::MAX, |id, letter| select.includes(&letter).then_some(id)).await
    }

    /// Picks from all dead letters, page by page, so that one page of envelopes is in memory at a time.
    async fn pick<T>(
        &self,
        limit: usize,
        pick: impl Fn(String, DeadLetter) -> Option<T>,
    ) -> Result<Vec<T>, RedisStreamsError> {
        let (mut picked, mut from) = (Vec::new(), "-".to_owned());
        let mut pages = Pages { dead: self, reader: None, patience: Patience::new(PAGE) };
        while picked.len() < limit {
            let page = pages.after(&from, limit - picked.len()).await;
            let page = page.map_err(|error| self.redis.failed(error))?;
            let Some((last, _)) = page.last() else { break };
            from = format!("({last}");
            picked.extend(page.into_iter().filter_map(|(id, fields)| {
                let letter = letter_of(&id, fields);
                pick(id, letter)
            }));
        }
        Ok(picked)
    }
}

/// The dead letters, on a connection of their own.
struct Pages<'a> {
    dead: &'a RedisDeadLetters,
    reader: Option<MultiplexedConnection>,
    patience: Patience,
}

impl Pages<'_> {
    /// A page that is too large to arrive in time is asked for again as a smaller one.
    async fn after(&mut self, from: &str, most: usize) -> RedisResult<Vec<Raw>> {
        loop {
            let reader = if let Some(reader) = &mut self.reader {
                reader
            } else {
                self.reader.insert(self.dead.redis.own_connection().await?)
            };
            let most = most.min(self.patience.most());
            let mut range = cmd("XRANGE");
            range.arg(&self.dead.keys.dead).arg(from).arg("+").arg("COUNT").arg(most);
            let was_exhausted = self.patience.is_exhausted();
            match self.patience.wait(most, range.query_async(reader)).await {
                Err(error) if error.is_timeout() && !was_exhausted => self.reader = None,
                page => return page,
            }
        }
    }
}

fn letter_of(id: &str, mut fields: HashMap<Vec<u8>, Vec<u8>>) -> DeadLetter {
    let json = fields.remove(ENVELOPE.as_bytes()).unwrap_or_default();
    let text = |name: &str| {
        let text = fields.get(name.as_bytes()).map(|text| String::from_utf8_lossy(text));
        text.map(std::borrow::Cow::into_owned).unwrap_or_default()
    };
    let content = Envelope::from_json(&json).map_err(|_| json);
    let id = content.as_ref().map_or(id, |envelope| envelope.id().as_str()).to_owned();
    let attempts = text("dead_attempts").parse().unwrap_or_default();
    DeadLetter { id, reason: text("dead_reason"), attempts, content }
}
