//! Whether a server and its database are fit for the queue.

use super::PostgresError;
use super::database::{Commit, Database};
use super::schema::{VERSION, losses};

/// What a part does with the table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rights {
    Put,
    Work,
}

pub(super) async fn check(
    database: &Database,
    rights: Rights,
    accepts_unsafe_disk: bool,
) -> Result<(), PostgresError> {
    check_server(database).await?;
    check_table(database).await?;
    let query = format!("SELECT {}", losses(&database.schema.name));
    let loss: String = one(database, &query).await?.get(0);
    refuse(&database.server, &loss, accepts_unsafe_disk)?;
    check_rights(database, rights).await
}

async fn one(database: &Database, query: &str) -> Result<tokio_postgres::Row, PostgresError> {
    let row = database.query(Commit::OnDisk, query, &[]).await?.pop();
    row.ok_or_else(|| database.failed_with("no row".to_owned()))
}

async fn check_server(database: &Database) -> Result<(), PostgresError> {
    let about = "SELECT current_setting('server_version'), \
        current_setting('server_version_num')::integer >= 130000, pg_is_in_recovery(), \
        current_setting('default_transaction_read_only') = 'on', current_setting('server_encoding')";
    let row = one(database, about).await?;
    let (version, encoding): (String, String) = (row.get(0), row.get(4));
    let reason = if !row.get::<_, bool>(1) {
        format!("is version {version}: 13 or later is needed")
    } else if row.get(2) {
        "is a standby: connect to the primary, or add target_session_attrs=read-write and all hosts to \
         the URL"
            .to_owned()
    } else if row.get(3) {
        "has default_transaction_read_only = on: set it to off for this role".to_owned()
    } else if encoding != "UTF8" {
        // It would refuse some entries for ever.
        format!("has a database in {encoding}: create one with ENCODING 'UTF8'")
    } else {
        return Ok(());
    };
    Err(PostgresError::Unsuitable { server: database.server.clone(), reason })
}

async fn check_table(database: &Database) -> Result<(), PostgresError> {
    let found = match version(database).await? {
        Some(VERSION) => return Ok(()),
        Some(version) if version > VERSION => return Err(newer(database, version)),
        Some(version) => format!("version {version} of the queue's table, not {VERSION},"),
        None => "no table of a queue".to_owned(),
    };
    let (server, schema) = (database.server.clone(), database.schema.name.clone());
    Err(PostgresError::Schema { server, schema, found })
}

/// An error if the table is of a later version: the migration would turn that back.
pub(super) async fn is_migrated(database: &Database) -> Result<bool, PostgresError> {
    match version(database).await? {
        Some(version) if version > VERSION => Err(newer(database, version)),
        version => Ok(version == Some(VERSION)),
    }
}

fn newer(database: &Database, version: i32) -> PostgresError {
    let reason = format!(
        "has version {version} of the queue's table, and this program knows {VERSION}: update the program"
    );
    PostgresError::Unsuitable { server: database.server.clone(), reason }
}

async fn version(database: &Database) -> Result<Option<i32>, PostgresError> {
    let (name, text) = (&database.schema.name, database.schema.text());
    let exists = format!("SELECT to_regprocedure('{text}.entries_version()') IS NOT NULL");
    if !one(database, &exists).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    Ok(Some(one(database, &format!("SELECT {name}.entries_version()")).await?.get(0)))
}

async fn check_rights(database: &Database, rights: Rights) -> Result<(), PostgresError> {
    let list = match rights {
        Rights::Put => "SELECT, INSERT",
        Rights::Work => "SELECT, UPDATE, DELETE",
    };
    let text = database.schema.text();
    let query = format!(
        "SELECT bool_and(has_table_privilege('{text}.entries', r)) \
         FROM unnest(string_to_array('{list}', ', ')) r"
    );
    if one(database, &query).await?.get(0) {
        return Ok(());
    }
    let name = &database.schema.name;
    let reason = format!("refuses the table to this role: GRANT {list} ON {name}.entries");
    Err(PostgresError::Unsuitable { server: database.server.clone(), reason })
}

/// Refuses what the word of [`losses`] names.
pub(super) fn refuse(
    server: &str,
    loss: &str,
    accepts_unsafe_disk: bool,
) -> Result<(), PostgresError> {
    let reason = match loss {
        "synchronous_commit" => {
            "synchronous_commit is off: set it to on for this role, as in \
             ALTER ROLE … SET synchronous_commit = on"
        }
        "unlogged" => {
            "the table `entries`, `records` or `replays` is not logged, and is empty after a crash: \
             ALTER TABLE … SET LOGGED"
        }
        "fsync" if !accepts_unsafe_disk => "fsync is off: set it to on in postgresql.conf",
        "full_page_writes" if !accepts_unsafe_disk => {
            "full_page_writes is off: set it to on in postgresql.conf"
        }
        _ => return Ok(()),
    };
    Err(PostgresError::LosesEntries { server: server.to_owned(), reason })
}
