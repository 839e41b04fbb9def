use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use futures_util::future::join3;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, Row};

use super::{PostgresOptions, PostgresStoreError, tls, url};

/// The store's own connections, and how it uses them.
pub(super) struct Pool {
    connections: deadpool_postgres::Pool,
    server: String,
    command_timeout: Duration,
}

/// How often a transaction is tried that another one, which ran at the same time, made fail.
const TRIES: usize = 5;

/// A parameter with its type: unnamed statements are not asked for theirs.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Pool {
    pub(super) fn new(url: &str, options: &PostgresOptions) -> Result<Self, PostgresStoreError> {
        let (mut config, files) = url::parse(url)?;
        let share = share(options.connect_timeout, &config);
        config.connect_timeout(share);
        // A server that vanished without a word is noticed before the leases end.
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("nevent-webhooks");
        }
        let server = server_of(&config);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = tls::manager(config, &files, recycling)?;
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(options.connections)
            .wait_timeout(Some(options.command_timeout))
            .create_timeout(Some(options.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| PostgresStoreError::Options { reason: error.to_string() })?;
        Ok(Self { connections, server, command_timeout: options.command_timeout })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Executes statements without parameters.
    pub(super) async fn batch(&self, statements: &str) -> Result<(), PostgresStoreError> {
        let connection = self.connection().await?;
        connection.batch_execute(statements).await.map_err(|error| self.failed(error))
    }

    /// Executes a query, and returns its row. `begin` opens the query's transaction. Without it, the
    /// query is a transaction by itself. Repeats the transaction if it failed because of another one.
    pub(super) async fn query(
        &self,
        begin: Option<&str>,
        query: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Row, PostgresStoreError> {
        let all = async {
            for _ in 1..TRIES {
                match self.transaction(begin, query, parameters).await {
                    Err(error) if is_worth_another_try(&error) => {}
                    other => return other,
                }
            }
            self.transaction(begin, query, parameters).await
        };
        let in_time = timeout(self.command_timeout, all).await;
        in_time.unwrap_or_else(|_| {
            Err(self.too_slow(
                "did not answer in time: see what keeps it busy, or raise `command_timeout`",
            ))
        })
    }

    /// One transaction in one round trip.
    async fn transaction(
        &self,
        begin: Option<&str>,
        query: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Row, PostgresStoreError> {
        let connection = Used(Some(self.connection().await?));
        let row = match begin {
            Some(begin) => in_transaction(connection.client(), begin, query, parameters).await,
            None => connection.client().query_typed_one(query, parameters).await,
        };
        connection.give_back();
        row.map_err(|error| self.failed(error))
    }

    async fn connection(&self) -> Result<Object, PostgresStoreError> {
        self.connections.get().await.map_err(|error| match error {
            PoolError::Backend(error) => self.failed(error),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => {
                self.too_slow("has all of the store's connections in use: allow more `connections`")
            }
            _ => self.too_slow(
                "accepted no connection in time: check the network, or raise `connect_timeout`",
            ),
        })
    }

    fn failed(&self, error: tokio_postgres::Error) -> PostgresStoreError {
        PostgresStoreError::Failed { server: self.server.clone(), error: Arc::new(error) }
    }

    fn too_slow(&self, reason: &'static str) -> PostgresStoreError {
        PostgresStoreError::TooSlow { server: self.server.clone(), reason }
    }
}

/// Sends all statements of a transaction together.
async fn in_transaction(
    client: &tokio_postgres::Client,
    begin: &str,
    query: &str,
    parameters: &[Parameter<'_>],
) -> Result<Row, tokio_postgres::Error> {
    let (opened, row, committed) = join3(
        client.batch_execute(begin),
        client.query_typed_one(query, parameters),
        client.batch_execute("COMMIT"),
    )
    .await;
    opened.and(row).and_then(|row| committed.map(|()| row))
}

/// A connection whose transaction may not have ended.
///
/// If nobody waits for the end any more, it goes back to the pool once the server has answered, and
/// is closed if the server does not. Closed at once, a busy server would have to open others in
/// their place, and would be busier still.
struct Used(Option<Object>);

/// How long the end of a transaction is waited for that nobody else waits for. A server whose commits
/// hang, as while its standby is away, does not notice that a client is gone: closed sooner, such
/// connections would pile up there.
const GRACE: Duration = Duration::from_secs(15);

impl Used {
    #[allow(clippy::expect_used, reason = "it is taken only by value")]
    fn client(&self) -> &deadpool_postgres::ClientWrapper {
        self.0.as_ref().expect("not returned yet")
    }

    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let Some(connection) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        runtime.spawn(async move {
            // Answered after everything that was sent before.
            let answered = timeout(GRACE, connection.simple_query("")).await;
            if !matches!(answered, Ok(Ok(_))) {
                drop(Object::take(connection));
            }
        });
    }
}

fn is_worth_another_try(error: &PostgresStoreError) -> bool {
    let PostgresStoreError::Failed { error, .. } = error else { return false };
    matches!(
        error.code(),
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED)
    )
}

/// How long one host may take to accept a connection. With the whole limit, a silent host would leave no
/// time for the next. One more share is for the login.
fn share(limit: Duration, config: &Config) -> Duration {
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
    let share = limit.checked_div(hosts.saturating_add(1)).unwrap_or_default();
    config.get_connect_timeout().map_or(share, |given| share.min(*given))
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
