use super::schema::VERSION;
use super::{PostgresStoreError, Shared};

/// Starts a transaction that changes nothing.
const BEGIN: &str = "BEGIN READ ONLY";

impl Shared {
    /// Checks that the server is new enough, can be written to, and has the store's tables.
    pub(super) async fn check(&self) -> Result<(), PostgresStoreError> {
        let server = || self.pool.server().to_owned();
        let about = "SELECT current_setting('server_version'), \
            current_setting('server_version_num')::integer >= 130000, pg_is_in_recovery(), \
            current_setting('synchronous_commit') = 'off'";
        let row = self.pool.query(BEGIN, about, &[]).await?;
        if !row.get::<_, bool>(1) {
            return Err(PostgresStoreError::TooOld { server: server(), version: row.get(0) });
        }
        if row.get(2) {
            return Err(PostgresStoreError::Standby { server: server() });
        }
        if row.get(3) {
            return Err(PostgresStoreError::SynchronousCommitOff { server: server() });
        }
        let schema = &self.schema.name;
        let not_migrated = |found: String| PostgresStoreError::Schema {
            server: server(),
            schema: schema.clone(),
            found,
        };
        let query = format!(
            "SELECT to_regprocedure('{}.schema_version()') IS NOT NULL",
            schema.replace('\'', "''")
        );
        if !self.pool.query(BEGIN, &query, &[]).await?.get::<_, bool>(0) {
            return Err(not_migrated("no tables of a PostgresStore".to_owned()));
        }
        let tables = format!(
            "SELECT {schema}.schema_version(), bool_and(has_table_privilege(t, 'SELECT') \
             AND has_table_privilege(t, 'INSERT') AND has_table_privilege(t, 'UPDATE') \
             AND has_table_privilege(t, 'DELETE')) \
             FROM unnest(ARRAY['{text}.records', '{text}.replays']::regclass[]) t",
            text = schema.replace('\'', "''")
        );
        let row = self.pool.query(BEGIN, &tables, &[]).await?;
        match row.get::<_, i32>(0) {
            VERSION if row.get(1) => Ok(()),
            VERSION => Err(PostgresStoreError::Rights { server: server(), schema: schema.clone() }),
            version => {
                Err(not_migrated(format!("version {version} of the tables, not {VERSION},")))
            }
        }
    }
}
