//! The table, and the statements that use it.

/// The schema in the file.
const PLACEHOLDER: &str = "nevent_webhooks";

/// The version that the file's `entries_version` returns.
pub(super) const VERSION: i32 = 1;

/// The statements, for a schema of this name.
#[derive(Debug)]
pub(super) struct Schema {
    /// In quotes, as SQL needs it.
    pub(super) name: String,
    pub(super) put: String,
    pub(super) take: String,
    pub(super) renew: String,
    pub(super) done: String,
    pub(super) retry: String,
    pub(super) dead: String,
    pub(super) expire: String,
}

impl Schema {
    pub(super) fn new(name: &str) -> Self {
        let name = quoted(name);
        let table = format!("{name}.entries");
        let losses = losses(&name);
        // `statement_timestamp` does not change from row to row, so an index can be used.
        let now = "statement_timestamp()";
        Self {
            put: format!(
                "INSERT INTO {table} (queue, id, event_type, received_at_ms, envelope) \
                 VALUES ($1, $2, $3, $4, $5) RETURNING {losses}"
            ),
            // The rows are found first, and as an array: joined, a plan that was made while the table was
            // small could read all of it.
            take: format!(
                "UPDATE {table} SET run_at = {now} + $3 * interval '1 ms', lease = $4, \
                 vanished = vanished + (lease IS NOT NULL)::integer \
                 WHERE number = ANY (ARRAY(SELECT number FROM {table} \
                 WHERE queue = $1 AND dead_at IS NULL AND run_at <= {now} \
                 ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED)) \
                 RETURNING number, attempts, vanished, id, envelope"
            ),
            renew: format!(
                "UPDATE {table} SET run_at = {now} + $2 * interval '1 ms' \
                 WHERE number = ANY ($1) AND lease = $3 AND dead_at IS NULL"
            ),
            // Whoever has it now: the event is done.
            done: format!("DELETE FROM {table} WHERE number = $1"),
            retry: format!(
                "UPDATE {table} SET run_at = {now} + $3 * interval '1 ms', lease = NULL, \
                 attempts = $4, reason = $5 WHERE number = $1 AND lease = $2 AND dead_at IS NULL"
            ),
            dead: format!(
                "UPDATE {table} SET dead_at = clock_timestamp(), lease = NULL, attempts = $3, \
                 reason = $4 WHERE number = $1 AND lease = $2 AND dead_at IS NULL"
            ),
            expire: format!(
                "DELETE FROM {table} WHERE number = ANY (ARRAY(SELECT number FROM {table} \
                 WHERE queue = $1 AND dead_at < {now} - $2 * interval '1 ms' \
                 ORDER BY dead_at LIMIT 1000 FOR UPDATE SKIP LOCKED)) RETURNING number"
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

/// What would lose an entry, in one word. Empty if nothing would. Each put asks for it with its
/// `INSERT`, so a server that was restarted with other settings is refused, too.
pub(super) fn losses(name: &str) -> String {
    let text = name.replace('\'', "''");
    format!(
        "CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'synchronous_commit' \
         WHEN (SELECT relpersistence <> 'p' FROM pg_class \
         WHERE oid = '{text}.entries'::regclass) THEN 'unlogged' \
         WHEN current_setting('fsync') = 'off' THEN 'fsync' \
         WHEN current_setting('full_page_writes') = 'off' THEN 'full_page_writes' ELSE '' END"
    )
}
