//! The connections, and how they are used.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::future::join3;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Row};

use super::error::one_line;
use super::schema::Schema;
use super::{PostgresError, PostgresOptions};

/// A parameter with its type. Unnamed statements are not asked for theirs, and behind `PgBouncer` a named
/// one would be executed by another server than the one that prepared it.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

#[derive(Debug)]
pub(super) struct Database {
    pub(super) server: String,
    pub(super) schema: Schema,
    pub(super) limit: Duration,
    pool: Pool,
}

/// Whether the answer to a commit waits until it is on disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Commit {
    OnDisk,
    /// A crash of the server may undo it. Then the entry is taken again, and `Once` knows what is done.
    Soon,
}

impl Database {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let config = config_of(options);
        let server = server_of(&config);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, super::tls::connector(options)?, recycling);
        let pool = Pool::builder(manager)
            .max_size(options.connections)
            .wait_timeout(Some(options.timeout))
            .create_timeout(Some(options.timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| failed(&server, error.to_string()))?;
        Ok(Self { server, schema: Schema::new(&options.schema), limit: options.timeout, pool })
    }

    pub(super) async fn connection(&self) -> Result<Used, PostgresError> {
        match self.pool.get().await {
            Ok(connection) => Ok(Used(Some(connection))),
            Err(PoolError::Backend(error)) => Err(self.failed(&error)),
            Err(PoolError::Timeout(_)) => Err(self.timed_out()),
            Err(error) => Err(self.failed_with(error.to_string())),
        }
    }

    /// Executes statements without parameters.
    pub(super) async fn batch(&self, statements: &str) -> Result<(), PostgresError> {
        let connection = self.connection().await?;
        connection.batch_execute(statements).await.map_err(|error| self.failed(&error))?;
        connection.give_back();
        Ok(())
    }

    /// Executes one statement in a transaction of its own, in one round trip.
    pub(super) async fn query(
        &self,
        commit: Commit,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        self.query_within(self.limit, commit, statement, parameters).await
    }

    /// The same with another limit.
    pub(super) async fn query_within(
        &self,
        limit: Duration,
        commit: Commit,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        let all = async {
            let connection = self.connection().await?;
            let begin = begin(limit, commit);
            let (opened, rows, committed) = join3(
                connection.batch_execute(&begin),
                connection.query_typed(statement, parameters),
                connection.batch_execute("COMMIT"),
            )
            .await;
            let all = opened.and(rows).and_then(|rows| committed.map(|()| rows));
            if all.is_ok() {
                connection.give_back();
            }
            all.map_err(|error| self.failed(&error))
        };
        timeout(limit, all).await.unwrap_or_else(|_| Err(self.timed_out_after(limit)))
    }

    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> PostgresError {
        if error.code() == Some(&SqlState::QUERY_CANCELED) {
            return self.timed_out();
        }
        self.failed_with(one_line(error))
    }

    pub(super) fn failed_with(&self, detail: String) -> PostgresError {
        failed(&self.server, detail)
    }

    pub(super) fn timed_out(&self) -> PostgresError {
        self.timed_out_after(self.limit)
    }

    fn timed_out_after(&self, limit: Duration) -> PostgresError {
        PostgresError::TimedOut { server: self.server.clone(), limit }
    }
}

/// With another default isolation, workers that take entries at the same time would make each other
/// fail. A statement that nobody waits for any more must end.
///
/// The number of entries changes faster than the server's statistics. Where these are wrong, it would
/// read and sort all entries that are due to find a few, unless it is told to walk along the index.
fn begin(limit: Duration, commit: Commit) -> String {
    let asynchronous = match commit {
        Commit::OnDisk => "",
        Commit::Soon => "; SET LOCAL synchronous_commit = off",
    };
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; \
         SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; {}{asynchronous}",
        limits(limit)
    )
}

/// The time limits of a transaction.
pub(super) fn limits(limit: Duration) -> String {
    let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1);
    // A receiver that is stopped between its statements would hold the record of its delivery.
    format!(
        "SET LOCAL statement_timeout = {millis}; \
         SET LOCAL idle_in_transaction_session_timeout = {millis}"
    )
}

/// A connection that is closed unless it is given back: after an error, or when nobody waits for it any
/// more, its transaction may still be open.
pub(super) struct Used(Option<Object>);

impl Used {
    pub(super) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Deref for Used {
    type Target = Object;

    #[allow(clippy::expect_used, reason = "it is taken only by value")]
    fn deref(&self) -> &Object {
        self.0.as_ref().expect("not given back yet")
    }
}

impl DerefMut for Used {
    #[allow(clippy::expect_used, reason = "it is taken only by value")]
    fn deref_mut(&mut self) -> &mut Object {
        self.0.as_mut().expect("not given back yet")
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

fn failed(server: &str, detail: String) -> PostgresError {
    PostgresError::Failed { server: server.to_owned(), detail }
}

/// With a share of the limit for each host: one that is silent would leave no time for the next.
pub(super) fn config_of(options: &PostgresOptions) -> Config {
    let mut config = options.config.clone();
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let shares = u32::try_from(hosts).unwrap_or(u32::MAX).saturating_add(1);
    let share = options.timeout / shares;
    let given = config.get_connect_timeout().copied();
    config.connect_timeout(given.map_or(share, |given| given.min(share)));
    config
}

/// The hosts and ports, for messages.
fn server_of(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let name = |(index, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(index)),
        #[cfg(unix)]
        Host::Unix(directory) => format!("{}:{}", directory.display(), port(index)),
    };
    config.get_hosts().iter().enumerate().map(name).collect::<Vec<_>>().join(",")
}
