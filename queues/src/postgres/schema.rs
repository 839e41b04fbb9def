//! The table, and the statements that use it.

/// The schema in the file.
const PLACEHOLDER: &str = "nevent_webhooks";

/// The version that the file's `entries_version` returns.
pub(super) const VERSION: i32 = 1;

/// Envelopes of up to so many bytes, as the server stores them, come with the answer that takes them.
const AT_ONCE: u16 = 8_000;

/// The statements, for a schema of this name.
#[derive(Debug)]
pub(super) struct Schema {
    /// In quotes, as SQL needs it.
    pub(super) name: String,
    pub(super) put: String,
    pub(super) take: String,
    pub(super) read: String,
    pub(super) renew: String,
    pub(super) done: String,
    pub(super) retry: String,
    pub(super) dead: String,
    pub(super) pull_back: String,
    pub(super) expire: String,
}

impl Schema {
    pub(super) fn new(name: &str) -> Self {
        let name = quoted(name);
        let table = format!("{name}.entries");
        let losses = losses(&name);
        // `statement_timestamp` does not change from row to row, so an index can be used.
        let now = "statement_timestamp()";
        let row = "number = $1 AND token = $2::uuid";
        let held = "lease = $3 AND dead_at IS NULL";
        Self {
            put: format!(
                "INSERT INTO {table} (queue, id, event_type, received_at_ms, envelope) \
                 VALUES ($1, $2, $3, $4, $5) RETURNING {losses}"
            ),
            // The rows are found first, and as an array: joined, a plan that was made while the table was
            // small could read all of it. A large envelope is read by its own task: many of them in one
            // answer would take longer than the limit, and be taken again, for ever. The size is that of the
            // compressed text, and the server need not read it.
            take: format!(
                "UPDATE {table} SET run_at = {now} + $3 * interval '1 ms', lease = $4, \
                 vanished = vanished + (lease IS NOT NULL)::integer \
                 WHERE number = ANY (ARRAY(SELECT number FROM {table} \
                 WHERE queue = $1 AND dead_at IS NULL AND run_at <= {now} \
                 ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED)) \
                 RETURNING number, token::text, attempts, vanished, id, \
                 CASE WHEN pg_column_size(envelope) <= {AT_ONCE} THEN envelope END"
            ),
            read: format!("SELECT envelope FROM {table} WHERE {row} AND {held}"),
            // Without a row that somebody else has locked: the others' leases would expire meanwhile.
            renew: format!(
                "UPDATE {table} SET run_at = {now} + $4 * interval '1 ms' \
                 WHERE number = ANY (ARRAY(SELECT number FROM {table} WHERE number = ANY ($1) \
                 AND token = ANY ($2::uuid[]) AND {held} FOR UPDATE SKIP LOCKED))"
            ),
            // Whoever has it now: the event is done.
            done: format!("DELETE FROM {table} WHERE {row}"),
            retry: format!(
                "UPDATE {table} SET run_at = {now} + $4 * interval '1 ms', lease = NULL, \
                 attempts = $5, reason = $6 WHERE {row} AND {held}"
            ),
            dead: format!(
                "UPDATE {table} SET dead_at = clock_timestamp(), lease = NULL, attempts = $4, \
                 reason = $5 WHERE {row} AND {held}"
            ),
            // A new entry is due at once, and a lease ends within one lease. Another worker's may be longer, so
            // it is given ten, and then time to renew it.
            pull_back: format!(
                "UPDATE {table} SET run_at = {now} + (CASE WHEN lease IS NULL THEN 0 ELSE $2 END) \
                 * interval '1 ms' WHERE number = ANY (ARRAY(SELECT number FROM {table} \
                 WHERE queue = $1 AND dead_at IS NULL AND run_at > {now} AND CASE WHEN lease IS NULL \
                 THEN attempts = 0 AND reason IS NULL \
                 ELSE run_at > {now} + 10 * $2 * interval '1 ms' END \
                 ORDER BY run_at LIMIT 50000 FOR UPDATE SKIP LOCKED)) RETURNING number"
            ),
            expire: format!(
                "DELETE FROM {table} WHERE number = ANY (ARRAY(SELECT number FROM {table} \
                 WHERE queue = $1 AND dead_at < {now} - $2 * interval '1 ms' \
                 ORDER BY dead_at LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING number"
            ),
            name,
        }
    }

    pub(super) fn sql(&self) -> String {
        include_str!("schema.sql").replace(PLACEHOLDER, &self.name)
    }

    /// The same in one transaction, and one migration at a time: two that create the same table at the
    /// same moment would fail.
    pub(super) fn migration(&self) -> String {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('nevent_webhooks migration', 0))";
        // Without a limit it would wait for workers' transactions, and all puts would wait for it.
        format!("BEGIN; SET LOCAL lock_timeout = '5s'; {lock}; {} COMMIT", self.sql())
    }

    /// The name within a text of SQL.
    pub(super) fn text(&self) -> String {
        self.name.replace('\'', "''")
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What would lose an entry, or the record that it is done, in one word. Empty if nothing would. Each put asks for it with its
/// `INSERT`, so a server that was restarted with other settings is refused, too.
pub(super) fn losses(name: &str) -> String {
    let text = name.replace('\'', "''");
    format!(
        "CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'synchronous_commit' \
         WHEN EXISTS (SELECT FROM pg_class WHERE relpersistence <> 'p' AND oid IN \
         ('{text}.entries'::regclass, to_regclass('{text}.records'), to_regclass('{text}.replays'))) \
         THEN 'unlogged' \
         WHEN current_setting('fsync') = 'off' THEN 'fsync' \
         WHEN current_setting('full_page_writes') = 'off' THEN 'full_page_writes' ELSE '' END"
    )
}
