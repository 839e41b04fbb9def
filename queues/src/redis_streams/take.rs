//! How a worker takes entries: new ones, and those of workers that have crashed.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, cmd};

use super::CONNECT;
use super::entry::Raw;
use super::keys::GROUP;
use super::settle::millis;
use super::worker::Member;

/// The blocking read, which would hold up every other command of its connection.
const BLOCK: Duration = Duration::from_secs(1);

impl Member {
    /// A connection for the blocking read alone.
    pub(super) async fn reader(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(BLOCK * 5));
        self.redis.0.client.get_multiplexed_async_connection_with_config(&config).await
    }

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
        most: usize,
    ) -> RedisResult<Vec<Raw>> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(most);
        read.arg("BLOCK").arg(millis(BLOCK)).arg("STREAMS").arg(&self.keys.queue).arg(">");
        let streams: Option<Vec<(String, Vec<Raw>)>> = read.query_async(reader).await?;
        Ok(streams.into_iter().flatten().flat_map(|(_, entries)| entries).collect())
    }

    /// Claims entries whose worker has not been heard of, and says how often each was delivered.
    pub(super) async fn claim_abandoned(&self, most: usize) -> RedisResult<Vec<(Raw, u32)>> {
        let (queue, mut connection) = (&self.keys.queue, self.redis.connection());
        let idle = millis(self.settings.claim_after);
        let (mut from, mut entries) = ("0-0".to_owned(), Vec::<Raw>::new());
        // Each call looks at ten times as many entries as it may claim.
        while entries.is_empty() {
            let mut claim = cmd("XAUTOCLAIM");
            claim.arg(queue).arg(GROUP).arg(&self.name).arg(idle).arg(&from).arg("COUNT").arg(most);
            let _deleted: Vec<String>;
            (from, entries, _deleted) = claim.query_async(&mut connection).await?;
            if from == "0-0" {
                break;
            }
        }
        let mut claimed = Vec::new();
        for entry in entries {
            let mut pending = cmd("XPENDING");
            pending.arg(queue).arg(GROUP).arg(&entry.0).arg(&entry.0).arg(1);
            let known: Vec<(String, String, u64, u32)> =
                pending.query_async(&mut connection).await?;
            claimed.push((entry, known.first().map_or(1, |(_, _, _, times)| *times)));
        }
        Ok(claimed)
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
            if call.invoke_async::<i64>(&mut self.redis.connection()).await? < MOST_DUE {
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
