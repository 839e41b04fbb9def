/// The tables, the view and its trigger.
pub(super) const SQL: &str = include_str!("schema.sql");

/// The version that the file's `nevent_webhooks_schema` holds.
pub(super) const VERSION: i64 = 1;

/// Whether the file has the store's tables.
pub(super) const EXISTS: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'nevent_webhooks_schema')";

pub(super) const READ_VERSION: &str = "SELECT version FROM nevent_webhooks_schema";

/// Changes nothing, and fails as any other write would.
pub(super) const WRITE_VERSION: &str = "UPDATE nevent_webhooks_schema SET version = version";

/// The statement of a handler's transaction.
pub(super) const COMPLETE_IN_TRANSACTION: &str = "INSERT INTO nevent_webhooks_completion \
    (scope, kind, id, token) VALUES (?1, ?2, ?3, ?4)";
