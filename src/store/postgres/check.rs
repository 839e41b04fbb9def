//! Whether a database is fit for the store.

use super::PostgresStoreError;
use super::pool::Pool;
use super::schema::{Schema, VERSION};

/// Starts a transaction that changes nothing.
const BEGIN: Option<&str> = Some("BEGIN READ ONLY");

/// Checks that the server is new enough, can be written to, and has the store's tables.
pub(super) async fn check(pool: &Pool, schema: &Schema) -> Result<(), PostgresStoreError> {
    check_server(pool).await?;
    check_tables(pool, schema).await
}

/// Whether a transaction of a single statement is as the store needs it. With another default
/// isolation, claims that run at the same time would make each other fail. A role's short limit for
/// statements is for handlers: it would cut off what waits for a row.
pub(super) async fn settings_are_usual(pool: &Pool) -> Result<bool, PostgresStoreError> {
    let settings = "SELECT current_setting('default_transaction_isolation') = 'read committed' \
        AND current_setting('statement_timeout') = '0'";
    Ok(pool.query(BEGIN, settings, &[]).await?.get(0))
}

async fn check_server(pool: &Pool) -> Result<(), PostgresStoreError> {
    let server = || pool.server().to_owned();
    let about = "SELECT current_setting('server_version'), \
        current_setting('server_version_num')::integer >= 130000, pg_is_in_recovery(), \
        current_setting('synchronous_commit') = 'off', \
        current_setting('default_transaction_read_only') = 'on'";
    let row = pool.query(BEGIN, about, &[]).await?;
    if !row.get::<_, bool>(1) {
        return Err(PostgresStoreError::TooOld { server: server(), version: row.get(0) });
    }
    if row.get(2) {
        return Err(PostgresStoreError::Standby { server: server() });
    }
    if row.get(3) {
        return Err(PostgresStoreError::SynchronousCommitOff { server: server() });
    }
    if row.get(4) {
        return Err(PostgresStoreError::ReadOnly { server: server() });
    }
    Ok(())
}

async fn check_tables(pool: &Pool, schema: &Schema) -> Result<(), PostgresStoreError> {
    let (server, name) = (|| pool.server().to_owned(), || schema.name.clone());
    let found = match known_version_of(pool, schema).await? {
        Some(VERSION) if !has_rights(pool, schema).await? => {
            return Err(PostgresStoreError::Rights { server: server(), schema: name() });
        }
        Some(VERSION) if !is_logged(pool, schema).await? => {
            return Err(PostgresStoreError::Unlogged { server: server(), schema: name() });
        }
        Some(VERSION) => return Ok(()),
        Some(version) => format!("version {version} of the tables, not {VERSION},"),
        None => "no tables of a PostgresStore".to_owned(),
    };
    Err(PostgresStoreError::Schema { server: server(), schema: name(), found })
}

/// The version of the tables and functions. `None` if there are none. An error if it is a later one: a
/// migration would turn it back.
pub(super) async fn known_version_of(
    pool: &Pool,
    schema: &Schema,
) -> Result<Option<i32>, PostgresStoreError> {
    match version_of(pool, schema).await? {
        Some(version) if version > VERSION => {
            let (server, schema) = (pool.server().to_owned(), schema.name.clone());
            Err(PostgresStoreError::Newer { server, schema, version })
        }
        version => Ok(version),
    }
}

async fn version_of(pool: &Pool, schema: &Schema) -> Result<Option<i32>, PostgresStoreError> {
    let (name, text) = (&schema.name, schema.name.replace('\'', "''"));
    let exists = format!("SELECT to_regprocedure('{text}.schema_version()') IS NOT NULL");
    if !pool.query(BEGIN, &exists, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let version = pool.query(BEGIN, &format!("SELECT {name}.schema_version()"), &[]).await?;
    Ok(Some(version.get(0)))
}

async fn has_rights(pool: &Pool, schema: &Schema) -> Result<bool, PostgresStoreError> {
    let text = schema.name.replace('\'', "''");
    let rights = format!(
        "SELECT bool_and(has_table_privilege(t, r)) \
         FROM unnest(ARRAY['{text}.records', '{text}.replays']::regclass[]) t, \
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r"
    );
    Ok(pool.query(BEGIN, &rights, &[]).await?.get(0))
}

async fn is_logged(pool: &Pool, schema: &Schema) -> Result<bool, PostgresStoreError> {
    let text = schema.name.replace('\'', "''");
    let logged = format!(
        "SELECT bool_and(relpersistence = 'p') FROM pg_class \
         WHERE oid IN ('{text}.records'::regclass, '{text}.replays'::regclass)"
    );
    Ok(pool.query(BEGIN, &logged, &[]).await?.get(0))
}
