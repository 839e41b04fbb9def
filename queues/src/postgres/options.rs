use std::fmt;
use std::time::Duration;

use nevent_webhooks::store::{self, PostgresStore, PostgresStoreError};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use super::PostgresError;
use super::check;
use super::database::Database;
use super::schema::Schema;
use super::url;
use crate::RetryPolicy;

/// The database, the queue and its settings. Receivers, workers and tools take the same.
///
/// ```no_run
/// use nevent_webhooks_queues::postgres::PostgresOptions;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let options = PostgresOptions::new("postgres://shop:secret@localhost/shop", "tickets")?;
/// options.migrate().await?; // or execute `schema_sql` yourself
/// let store = options.store().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    pub(super) url: String,
    pub(super) config: Config,
    pub(super) queue: String,
    pub(super) schema: String,
    pub(super) retry: RetryPolicy,
    pub(super) concurrency: u16,
    pub(super) delivery_limit: u32,
    pub(super) dead_letters_for: Duration,
    pub(super) lease: Duration,
    pub(super) poll_every: Duration,
    pub(super) listens: bool,
    pub(super) timeout: Duration,
    pub(super) connections: usize,
    pub(super) largest_entry: usize,
    pub(super) accepts_unsafe_disk: bool,
}

impl PostgresOptions {
    /// Creates the default options for this database, and this name of a queue. Several queues may be in
    /// one database.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Url`], [`PostgresError::Parameter`], [`PostgresError::Name`];
    /// [`PostgresError::NoTls`] for `sslmode=require`
    /// without the feature `postgres-tls`.
    pub fn new(url: &str, queue: &str) -> Result<Self, PostgresError> {
        let mut config = url::parse(url)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(PostgresError::Url);
        }
        if config.get_ssl_mode() == SslMode::Require && cfg!(not(feature = "postgres-tls")) {
            return Err(PostgresError::NoTls);
        }
        if queue.is_empty() || queue.len() > 200 || queue.contains(char::is_control) {
            return Err(PostgresError::Name);
        }
        // A server that vanished without a word is noticed before the leases expire.
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("nevent-webhooks-queue");
        }
        Ok(Self {
            url: url.to_owned(),
            config,
            queue: queue.to_owned(),
            schema: "nevent_webhooks".to_owned(),
            retry: RetryPolicy::new(),
            concurrency: 16,
            delivery_limit: 50,
            dead_letters_for: Duration::from_secs(30 * 24 * 60 * 60),
            lease: Duration::from_secs(60),
            poll_every: Duration::from_secs(1),
            listens: true,
            timeout: Duration::from_secs(4),
            connections: 8,
            largest_entry: 64 * 1024 * 1024,
            accepts_unsafe_disk: false,
        })
    }

    /// Sets the schema of the table, and of the store that [`PostgresOptions::store`] returns.
    /// `nevent_webhooks` by default.
    ///
    /// # Errors
    ///
    /// [`PostgresError::SchemaName`] unless it has 1 to 63 bytes, without `$` and control characters.
    pub fn schema(mut self, schema: &str) -> Result<Self, PostgresError> {
        let fits = (1..=63).contains(&schema.len());
        if !fits || schema.contains('$') || schema.contains(char::is_control) {
            return Err(PostgresError::SchemaName);
        }
        schema.clone_into(&mut self.schema);
        Ok(self)
    }

    /// Sets when a worker tries an entry again. See [`RetryPolicy`] for the default.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many entries a worker handles at a time. 16 by default, at least 1.
    pub fn concurrency(mut self, entries: u16) -> Self {
        self.concurrency = entries.max(1);
        self
    }

    /// Sets how often an entry is tried again after its worker has vanished. Then the entry is a dead
    /// letter. 50 by default.
    ///
    /// It ends the loop of an entry that kills its worker. The kill of a worker counts for all entries
    /// that it had.
    pub fn delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }

    /// Sets how long dead letters are kept. 30 days by default, at least 1 s. **Then they are lost.** The workers delete
    /// them.
    pub fn dead_letters_for(mut self, time: Duration) -> Self {
        self.dead_letters_for = time.max(Duration::from_secs(1));
        self
    }

    /// Sets how long an entry is a worker's without a renewal. 60 s by default, at least 300 ms. A running
    /// worker renews it three times within this time. After a crash another worker takes the entry when
    /// this time has passed.
    ///
    /// Set more than the [lease](nevent_webhooks::DedupeOptions::lease) of
    /// [`Once`](nevent_webhooks::queue::Once), 30 s by default. Otherwise the crashed worker's claim may
    /// still hold the event, and the entry waits for it.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(300));
        self
    }

    /// Sets how often a worker that has nothing to do asks for entries that are due. 1 s by default, at
    /// least 1 ms. A receiver wakes workers sooner, by `NOTIFY`.
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll_every = pause.max(Duration::from_millis(1));
        self
    }

    /// Sets whether a worker listens to the receivers' `NOTIFY`, with a connection of its own. `true` by
    /// default. Say `false` behind `PgBouncer` in transaction mode, which does not pass them on.
    pub fn listen(mut self, listens: bool) -> Self {
        self.listens = listens;
        self
    }

    /// Sets how long to wait for a connection and for the answers of one operation. 4 s by default. To
    /// read one large entry, a worker waits ten times as long.
    ///
    /// If the URL names several hosts, each has an equal share of this time to accept a connection, and
    /// one share is left for the login. The URL's `connect_timeout` can make the share shorter.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many connections each queue, worker or tool may have. 8 by default, at least 1. A worker
    /// that listens has one more.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets the largest entry that is put, in bytes of its JSON. 64 MiB by default. `PostgreSQL` itself takes
    /// less than 1 GB. A larger entry is refused, and the sender is answered 503.
    pub fn largest_entry(mut self, bytes: usize) -> Self {
        self.largest_entry = bytes;
        self
    }

    /// Accepts a server with `fsync = off` or `full_page_writes = off`.
    ///
    /// **A crash of the machine can then destroy the database, with all entries in it.** It is for the
    /// servers of tests. With `fsync = on`, `full_page_writes = off` is safe on a file system that never
    /// leaves a page half written, such as ZFS.
    pub fn dangerously_accept_unsafe_disk(mut self) -> Self {
        self.accepts_unsafe_disk = true;
        self
    }

    /// Creates the table, and the tables of the store, unless they are there. To create them, the role
    /// must be able to create the schema, or own it.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: the server cannot be reached, or refuses a statement.
    pub async fn migrate(&self) -> Result<(), PostgresError> {
        let database = Database::new(self)?;
        let stored = PostgresStore::migrate_with(&self.url, self.store_options()).await;
        stored.map_err(|error| database.failed_with(error.to_string()))?;
        if check::is_migrated(&database).await? {
            return Ok(());
        }
        database.batch(&database.schema.migration()).await
    }

    /// The SQL that creates the table, for a team that creates its tables by other means. It says which
    /// rights a limited role needs. The store's is
    /// [`PostgresStore::schema_sql`](nevent_webhooks::store::PostgresStore::schema_sql).
    #[must_use]
    pub fn schema_sql(&self) -> String {
        Schema::new(&self.schema).sql()
    }

    /// A store in the same database and schema, for the receiver's `DedupeLayer` and for the worker's
    /// [`Once`](nevent_webhooks::queue::Once). It has a pool of its own.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::connect`].
    pub async fn store(&self) -> Result<PostgresStore, PostgresStoreError> {
        PostgresStore::open(&self.url, self.store_options()).await
    }

    fn store_options(&self) -> store::PostgresOptions {
        store::PostgresOptions::new().schema(&self.schema)
    }
}

/// Without the URL, which has a password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .field("queue", &self.queue)
            .field("schema", &self.schema)
            .field("retry", &self.retry)
            .field("concurrency", &self.concurrency)
            .field("delivery_limit", &self.delivery_limit)
            .field("dead_letters_for", &self.dead_letters_for)
            .field("lease", &self.lease)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
