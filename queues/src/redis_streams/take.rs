//! How a worker takes entries: new ones, and those of workers that have crashed.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};
use tokio::time::sleep;

use super::entry::Raw;
use super::keys::GROUP;
use super::patience::Patience;
use super::settle::millis;
use super::worker::Member;

/// The blocking read, which would hold up every other command of its connection.
const BLOCK: Duration = Duration::from_secs(1);
/// How long a worker that was told to stop waits for entries that it has asked for. Longer than [`BLOCK`]: the
/// server has given them to this worker, and what does not arrive waits until another may claim it.
const LAST: Duration = Duration::from_secs(2);

impl Member {
    /// Creates the group unless it is there. It begins with the oldest entry: every entry in the stream
    /// is still to be handled.
    pub(super) async fn join(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.keys.queue).arg(GROUP).arg("0").arg("MKSTREAM");
        match create.query_async(&mut self.redis.connection()).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            created => created,
        }
    }

    /// Waits for new entries for a second at most.
    pub(super) async fn read(
        &self,
        reader: &mut MultiplexedConnection,
        patience: &mut Patience,
        most: usize,
    ) -> RedisResult<Vec<Raw>> {
        let most = most.min(patience.most());
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(most);
        read.arg("BLOCK").arg(millis(BLOCK)).arg("STREAMS").arg(&self.keys.queue).arg(">");
        let answer = async {
            let streams: Option<Vec<(String, Vec<Raw>)>> = read.query_async(reader).await?;
            RedisResult::Ok(
                streams.into_iter().flatten().flat_map(|(_, entries)| entries).collect(),
            )
        };
        patience.wait_unless(self.is_to_end(), most, answer).await
    }

    /// Waits until the worker was told to stop some time ago.
    async fn is_to_end(&self) {
        self.stop.told().await;
        sleep(LAST).await;
    }

    /// Takes entries whose worker has not been heard of, each with its count of deliveries before.
    ///
    /// They are in hand, and so kept, while they are read one by one. Many large ones in one answer could
    /// take longer than its limit.
    pub(super) async fn take_abandoned(
        &self,
        reader: &mut MultiplexedConnection,
        most: usize,
    ) -> RedisResult<Vec<(Raw, u32)>> {
        let mut ids = self.claim_abandoned(most).await?;
        ids.retain(|id| self.take(id));
        let mut taken = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            // They come one by one, so all of them could take very long.
            if self.stop.is_told() {
                ids.iter().skip(index).for_each(|id| self.put_down(id));
                break;
            }
            match self.read_claimed(reader, id).await {
                Ok(Some(entry)) => taken.push(entry),
                Ok(None) => self.put_down(id),
                Err(error) => {
                    ids.iter().skip(index).for_each(|id| self.put_down(id));
                    if taken.is_empty() {
                        return Err(error);
                    }
                    self.failed(error);
                    break;
                }
            }
        }
        Ok(taken)
    }

    /// Their ids. This does not count as a delivery.
    async fn claim_abandoned(&self, most: usize) -> RedisResult<Vec<String>> {
        let (queue, mut connection) = (&self.keys.queue, self.redis.connection());
        let idle = millis(self.settings.claim_after);
        let (mut from, mut ids) = ("0-0".to_owned(), Vec::<String>::new());
        // Each call looks at ten times as many entries as it may claim.
        while ids.is_empty() {
            let mut claim = cmd("XAUTOCLAIM");
            claim.arg(queue).arg(GROUP).arg(&self.name).arg(idle).arg(&from);
            claim.arg("COUNT").arg(most).arg("JUSTID");
            let _deleted: Vec<String>;
            (from, ids, _deleted) = claim.query_async(&mut connection).await?;
            if from == "0-0" {
                break;
            }
        }
        Ok(ids)
    }

    /// `None` if the entry is gone, or another worker has it.
    async fn read_claimed(
        &self,
        reader: &mut MultiplexedConnection,
        id: &str,
    ) -> RedisResult<Option<(Raw, u32)>> {
        // Before it is read, which may be what kills the worker.
        let Some(before) = self.delivered(id, None).await? else { return Ok(None) };
        let mut range = cmd("XRANGE");
        range.arg(&self.keys.queue).arg(id).arg(id);
        let (mut patience, answer) = (Patience::for_one(), range.query_async(reader));
        let answer = patience.wait_unless(self.is_to_end(), 1, answer).await;
        if answer.is_err() {
            // An answer that did not arrive is no crash.
            self.delivered(id, Some(before)).await?;
        }
        Ok(answer?.pop().map(|entry| (entry, before)))
    }

    /// Counts a delivery, or sets the count. Returns what it was, or `None` if another worker has the entry.
    pub(super) async fn delivered(&self, id: &str, count: Option<u32>) -> RedisResult<Option<u32>> {
        let mut call = self.redis.scripts().delivered.key(&self.keys.queue);
        call.arg(GROUP).arg(&self.name).arg(id).arg(count);
        call.invoke_async(&mut self.redis.connection()).await
    }

    /// Says that the entries in hand are at work.
    pub(super) async fn keep(&self) -> RedisResult<()> {
        let ids = self.in_hand();
        if ids.is_empty() {
            return Ok(());
        }
        let mut call = self.redis.scripts().keep.key(&self.keys.queue);
        call.arg(GROUP).arg(&self.name).arg(ids);
        call.invoke_async::<i64>(&mut self.redis.connection()).await.map(drop)
    }

    /// Moves entries whose delay is over back to the stream. If there are very many, the rest is moved in
    /// the next round: entries in hand must be kept in between.
    pub(super) async fn move_due(&self) -> RedisResult<()> {
        let mut call = self.redis.scripts().due.key(&self.keys.queue);
        call.key(&self.keys.delayed).arg(MOST_DUE);
        for _ in 0..MOST_CALLS {
            if call.invoke_async::<i64>(&mut self.redis.connection()).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    pub(super) async fn tidy(&self) -> RedisResult<()> {
        let mut call = self.redis.scripts().tidy.key(&self.keys.queue);
        call.key(&self.keys.dead).arg(GROUP).arg(millis(GONE)).arg(millis(self.settings.dead_for));
        call.invoke_async::<i64>(&mut self.redis.connection()).await.map(drop)
    }
}

/// Moved in one script, which holds up the server for so long.
const MOST_DUE: i64 = 100;
const MOST_CALLS: u32 = 10;
/// A member that has read nothing for so long has ended.
const GONE: Duration = Duration::from_secs(3_600);
