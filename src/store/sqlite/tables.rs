//! The prepared statements, and the operations on records. Each is a part of the open transaction.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use super::replays::Replays;
use super::schema::WRITE_VERSION;
use super::time::{length, limited, now};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

/// The store's tables, as the connection of its thread sees them.
pub(super) struct Tables<'c> {
    pub(super) replays: Replays<'c>,
    find: Statement<'c>,
    insert: Statement<'c>,
    take: Statement<'c>,
    limit: Statement<'c>,
    renew: Statement<'c>,
    complete: Statement<'c>,
    release: Statement<'c>,
    check: Statement<'c>,
}

/// A record that may have expired.
struct Held {
    rowid: i64,
    ends: i64,
    completed: bool,
    token: [u8; 16],
    fingerprint: [u8; 17],
    /// The length of the lease, or of the retention of what is completed.
    length: i64,
}

impl<'c> Tables<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let prepare = |text: &str| {
            let key = "scope = ?1 AND kind = ?2 AND id = ?3";
            connection.prepare(&text.replace("RECORD", key))
        };
        Ok(Self {
            replays: Replays::new(connection)?,
            find: prepare(
                "SELECT rowid, ends, completed, token, fingerprint, \
                    CASE WHEN completed THEN retention ELSE lease END \
                 FROM nevent_webhooks_records WHERE RECORD",
            )?,
            insert: prepare(
                "INSERT INTO nevent_webhooks_records (scope, kind, id, token, fingerprint, \
                    ends, delete_after, lease, retention, completed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            take: prepare(
                "UPDATE nevent_webhooks_records SET token = ?2, fingerprint = ?3, ends = ?4, \
                    delete_after = ?5, lease = ?6, retention = ?7, completed = false \
                 WHERE rowid = ?1",
            )?,
            limit: prepare("UPDATE nevent_webhooks_records SET ends = ?2 WHERE rowid = ?1")?,
            renew: prepare(
                "UPDATE nevent_webhooks_records SET ends = ?5, lease = ?6 \
                 WHERE RECORD AND token = ?4 AND NOT completed AND ends > ?7",
            )?,
            complete: prepare(
                "UPDATE nevent_webhooks_records SET token = ?2, fingerprint = ?3, ends = ?4, \
                    retention = ?5, completed = true WHERE rowid = ?1",
            )?,
            release: prepare(
                "DELETE FROM nevent_webhooks_records \
                 WHERE RECORD AND token = ?4 AND NOT completed",
            )?,
            check: prepare(WRITE_VERSION)?,
        })
    }

    /// Takes the record for the claim's token, or says why not.
    pub(super) fn claim(&mut self, claim: &Claim) -> rusqlite::Result<ClaimAnswer> {
        let now = now();
        if let Some(first) = self.replays.other_id(claim, now)? {
            return Ok(ClaimAnswer::ReplayOf(first));
        }
        let answer = self.claim_record(claim, now)?;
        if answer != ClaimAnswer::Conflict {
            self.replays.record(claim, answer == ClaimAnswer::Acquired, now)?;
        }
        Ok(answer)
    }

    fn claim_record(&mut self, claim: &Claim, now: i64) -> rusqlite::Result<ClaimAnswer> {
        let Some(held) = self.find(claim, now)? else {
            self.insert(claim, now, false)?;
            return Ok(ClaimAnswer::Acquired);
        };
        if held.ends > now {
            if differ(held.fingerprint, claim.fingerprint.with_version()) {
                return Ok(ClaimAnswer::Conflict);
            } else if held.completed {
                return Ok(ClaimAnswer::Completed);
            } else if held.token != claim.token.to_bytes() {
                let left = u64::try_from(held.ends.saturating_sub(now)).unwrap_or(0);
                return Ok(ClaimAnswer::InFlight { lease: Duration::from_millis(left) });
            }
        }
        let (lease, retention) = (length(claim.lease), length(claim.retention));
        let ends = now.saturating_add(lease);
        self.take.execute(params![
            held.rowid,
            claim.token.to_bytes(),
            claim.fingerprint.with_version(),
            ends,
            ends.saturating_add(retention),
            lease,
            retention
        ])?;
        Ok(ClaimAnswer::Acquired)
    }

    /// Starts the lease anew if the claim's token holds the record.
    pub(super) fn renew(&mut self, claim: &Claim) -> rusqlite::Result<Renewal> {
        let (now, lease) = (now(), length(claim.lease));
        let (scope, kind, id) = key(claim);
        let token = claim.token.to_bytes();
        let ends = now.saturating_add(lease);
        match self.renew.execute(params![scope, kind, id, token, ends, lease, now])? {
            0 => Ok(Renewal::Lost),
            _ => Ok(Renewal::Renewed),
        }
    }

    /// Records that the delivery was handled, unless another token holds the record.
    pub(super) fn complete(&mut self, claim: &Claim) -> rusqlite::Result<Completion> {
        let now = now();
        let Some(held) = self.find(claim, now)? else {
            self.insert(claim, now, true)?;
            return Ok(Completion::Recorded);
        };
        if held.ends > now && held.completed {
            return Ok(Completion::Recorded);
        } else if held.ends > now && held.token != claim.token.to_bytes() {
            return Ok(Completion::HeldByAnother);
        }
        let retention = length(claim.retention);
        let ends = now.saturating_add(retention);
        let (token, fingerprint) = (claim.token.to_bytes(), claim.fingerprint.with_version());
        self.complete.execute(params![held.rowid, token, fingerprint, ends, retention])?;
        Ok(Completion::Recorded)
    }

    /// Removes the record if it is in flight for the claim's token.
    pub(super) fn release(&mut self, claim: &Claim) -> rusqlite::Result<()> {
        let (scope, kind, id) = key(claim);
        self.release.execute(params![scope, kind, id, claim.token.to_bytes()])?;
        Ok(())
    }

    /// Writes, and changes nothing.
    pub(super) fn check(&mut self) -> rusqlite::Result<()> {
        self.check.execute([])?;
        Ok(())
    }

    fn find(&mut self, claim: &Claim, now: i64) -> rusqlite::Result<Option<Held>> {
        let (scope, kind, id) = key(claim);
        let found = self.find.query_row(params![scope, kind, id], Held::read).optional()?;
        let Some(mut held) = found else { return Ok(None) };
        let ends = limited(held.ends, held.length, now);
        if ends != held.ends {
            self.limit.execute(params![held.rowid, ends])?;
            held.ends = ends;
        }
        Ok(Some(held))
    }

    fn insert(&mut self, claim: &Claim, now: i64, completed: bool) -> rusqlite::Result<()> {
        let (scope, kind, id) = key(claim);
        let (lease, retention) = (length(claim.lease), length(claim.retention));
        let end_of_retention = now.saturating_add(retention);
        let (ends, delete_after) = if completed {
            (end_of_retention, end_of_retention)
        } else {
            (now.saturating_add(lease), end_of_retention.saturating_add(lease))
        };
        self.insert.execute(params![
            scope,
            kind,
            id,
            claim.token.to_bytes(),
            claim.fingerprint.with_version(),
            ends,
            delete_after,
            lease,
            retention,
            completed
        ])?;
        Ok(())
    }
}

impl Held {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rowid: row.get(0)?,
            ends: row.get(1)?,
            completed: row.get(2)?,
            token: row.get(3)?,
            fingerprint: row.get(4)?,
            length: row.get(5)?,
        })
    }
}

fn key(claim: &Claim) -> (&str, &str, &str) {
    (claim.scope.as_str(), claim.kind.as_str(), claim.id.as_str())
}

/// Whether two fingerprints belong to different bodies. Those of different formats cannot be
/// compared.
fn differ(one: [u8; 17], other: [u8; 17]) -> bool {
    one.first() == other.first() && one != other
}
