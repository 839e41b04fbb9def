/// The store's tables and functions in a schema, and the statements that call them.
pub(super) struct Schema {
    /// The schema's name in quotes, as SQL needs it.
    pub(super) name: String,
    pub(super) claim: String,
    pub(super) renew: String,
    pub(super) complete: String,
    pub(super) release: String,
    pub(super) complete_in_transaction: String,
    pub(super) delete_expired: String,
}

/// The schema in the file.
const PLACEHOLDER: &str = "nevent_webhooks";

/// The version that the file's `schema_version` returns.
pub(super) const VERSION: i32 = 1;

impl Schema {
    pub(super) fn new(name: &str) -> Self {
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        Self {
            claim: format!("SELECT {name}.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
            renew: format!("SELECT {name}.renew($1, $2, $3, $4, $5, $6)"),
            complete: format!("SELECT {name}.complete($1, $2, $3, $4, $5, $6, $7)"),
            release: format!("SELECT {name}.release($1, $2, $3, $4, $5)"),
            complete_in_transaction: format!(
                "SELECT {name}.complete_in_transaction($1, $2, $3, $4)"
            ),
            delete_expired: format!("SELECT {name}.delete_expired($1)"),
            name,
        }
    }

    /// The tables and functions.
    pub(super) fn sql(&self) -> String {
        include_str!("schema.sql").replace(PLACEHOLDER, &self.name)
    }

    /// The same in one transaction, and one migration at a time: two that create the same table at
    /// the same moment would fail.
    pub(super) fn migration(&self) -> String {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('nevent_webhooks migration', 0))";
        // Without a limit, it would wait for handlers' transactions, and all claims would wait for it.
        format!("BEGIN; SET LOCAL lock_timeout = '5s'; {lock}; {} COMMIT", self.sql())
    }
}
