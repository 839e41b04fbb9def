//! The ids that signed bytes first came with.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::time::{length, limited};
use crate::store::Claim;
use crate::{DeliveryId, ReplayKey};

/// The table of replay records.
pub(super) struct Replays<'c> {
    find: Statement<'c>,
    limit: Statement<'c>,
    record: Statement<'c>,
}

impl<'c> Replays<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find: connection.prepare(
                "SELECT id, expires, replay_window, rowid FROM nevent_webhooks_replays \
                 WHERE scope = ?1 AND replay_key = ?2",
            )?,
            limit: connection
                .prepare("UPDATE nevent_webhooks_replays SET expires = ?2 WHERE rowid = ?1")?,
            record: connection.prepare(
                "INSERT INTO nevent_webhooks_replays AS known \
                    (expires, replay_window, scope, replay_key, id) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (scope, replay_key) DO UPDATE SET id = excluded.id, \
                    expires = excluded.expires, replay_window = excluded.replay_window \
                 WHERE known.expires <= ?6 \
                    OR (?7 AND known.id = excluded.id AND known.expires < excluded.expires)",
            )?,
        })
    }

    /// The id that the claim's signed bytes first came with, if it is not the claim's own.
    pub(super) fn other_id(
        &mut self,
        claim: &Claim,
        now: i64,
    ) -> rusqlite::Result<Option<DeliveryId>> {
        let mut first = None;
        for key in &claim.replay_keys {
            match self.known(claim, *key, now)? {
                Some(id) if id == claim.id.as_str() => return Ok(None),
                known => first = first.or(known),
            }
        }
        // Only ids of deliveries are written.
        Ok(first.and_then(|id| DeliveryId::new(id).ok()))
    }

    fn known(
        &mut self,
        claim: &Claim,
        key: ReplayKey,
        now: i64,
    ) -> rusqlite::Result<Option<String>> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?))
        };
        let key = params![claim.scope.as_str(), key.to_bytes()];
        let found = self.find.query_row(key, read).optional()?;
        let Some((id, expires, window, rowid)) = found else { return Ok(None) };
        let limited = limited(expires, window, now);
        if limited != expires {
            self.limit.execute(params![rowid, limited])?;
        }
        Ok((limited > now).then_some(id))
    }

    /// Records the claim's id for each of its keys that has none, and keeps its own for longer if the
    /// claim was acquired.
    pub(super) fn record(
        &mut self,
        claim: &Claim,
        acquired: bool,
        now: i64,
    ) -> rusqlite::Result<()> {
        let window = length(claim.replay_window);
        let expires = now.saturating_add(window);
        let (scope, id) = (claim.scope.as_str(), claim.id.as_str());
        for key in &claim.replay_keys {
            let key = key.to_bytes();
            self.record.execute(params![expires, window, scope, key, id, now, acquired])?;
        }
        Ok(())
    }
}
