//! The store in PostgreSQL, whose records a handler's transaction can reach.

mod begin;
mod check;
mod cleanup;
mod error;
mod hint;
mod operations;
mod options;
mod pool;
mod schema;
mod tls;
mod url;

use std::fmt;
use std::sync::Arc;

use self::begin::Begin;
pub use self::error::PostgresStoreError;
pub use self::options::PostgresOptions;
use self::pool::Pool;
use self::schema::{Schema, VERSION};
use super::{CompletionSql, StoreIdentity};

/// A [`Store`](super::Store) in PostgreSQL 13 or later, shared by all processes that use the same
/// database. Needs Tokio.
///
/// A handler with its own data in this database can complete its delivery in its own transaction
/// with [`Delivery::commit`](crate::Delivery::commit). The effect and the record of it are then
/// committed together, or neither is.
///
/// ```no_run
/// use nevent_webhooks::DedupeLayer;
/// use nevent_webhooks::store::PostgresStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://receiver:secret@localhost/shop";
/// PostgresStore::migrate(url).await?; // or execute `PostgresStore::schema_sql` yourself
/// let dedupe = DedupeLayer::new("tickets", PostgresStore::connect(url).await?)?;
/// # Ok(())
/// # }
/// ```
///
/// The store has a pool of its own. With one pool for the store and the handlers, handlers that hold
/// all connections would keep their leases from being renewed.
///
/// The store can be cloned. All clones share one pool. Expired rows are deleted in the background.
///
/// # TLS
///
/// TLS is by rustls (feature `postgres-tls`). The server's certificate and its host name are always
/// verified, also with `sslmode=prefer` and `sslmode=require`, with which other clients verify
/// nothing.
///
/// | `sslmode` | connects |
/// | --- | --- |
/// | `disable` | without TLS |
/// | `prefer`, the default | with TLS if the server offers it. If the verification then fails, the connection does, too. |
/// | `require` or `verify-full` | with TLS only |
///
/// Use `require` wherever the network is not your own: with `prefer`, an attacker in between can
/// claim that the server offers no TLS. `verify-ca` is refused, because the host name is always
/// verified. Without the feature, `prefer` connects without TLS, and `require` is an error before
/// anything connects.
///
/// Each of these parameters is the path of a PEM file, which is read when the store connects. With
/// any of them, `require` is the default.
///
/// | parameter | holds |
/// | --- | --- |
/// | `sslrootcert` | the CAs to trust instead of the system's |
/// | `sslcert` and `sslkey` | the client's certificate and its private key without a passphrase, for servers that ask for one |
///
/// An example is `postgres://receiver:secret@db.internal/shop?sslrootcert=/etc/ssl/db-ca.pem`. If the
/// certificate's host name is not the address to connect to, write the name as the host, and add
/// `&hostaddr=` with the IP address.
///
/// For cryptography, the store takes the rustls provider that your program has installed, or else
/// ring, which it does not install. `postgres-tls` compiles ring into rustls. If another provider is
/// compiled in, too, rustls cannot choose between them for the rest of your program: install one at
/// the start of `main`. The feature `postgres-tls-no-provider` is the same TLS without ring, for a
/// program that installs a provider anyway.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

struct Shared {
    pool: Pool,
    schema: Schema,
    sql: CompletionSql,
    begin: Begin,
    lock_timeout: String,
    asynchronous_claims: bool,
    identity: StoreIdentity,
}

impl PostgresStore {
    /// Connects to the database at a URL, and checks it.
    ///
    /// # Errors
    ///
    /// An invalid URL, TLS that cannot be had, or a database that cannot be reached, refuses the
    /// connection, is older than version 13, is a standby, or has not been [migrated](Self::migrate).
    pub async fn connect(url: &str) -> Result<Self, PostgresStoreError> {
        Self::open(url, PostgresOptions::new()).await
    }

    /// Connects to the database at a URL with options, and checks it.
    ///
    /// ```no_run
    /// use nevent_webhooks::store::{PostgresOptions, PostgresStore};
    ///
    /// # async fn example(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let options = PostgresOptions::new().schema("webhooks").connections(4);
    /// let store = PostgresStore::open(url, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::connect`], and impossible options.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, PostgresStoreError> {
        let options = options.checked()?;
        let (pool, schema) = (Pool::new(url, &options)?, Schema::new(&options.schema));
        check::check(&pool, &schema).await?;
        let shared = Shared {
            begin: Begin::new(&options, check::settings_are_usual(&pool).await?),
            pool,
            sql: CompletionSql::new("PostgreSQL", schema.complete_in_transaction.as_str()),
            schema,
            lock_timeout: begin::lock_timeout(&options),
            asynchronous_claims: options.asynchronous_claims,
            identity: StoreIdentity::of_a_server(),
        };
        let shared = Arc::new(shared);
        cleanup::start(&shared);
        Ok(Self(shared))
    }

    /// Creates the tables and functions of the store, or updates them. If they are up to date, it only
    /// reads. To create or update them, the role must be able to create the schema, or own it.
    ///
    /// # Errors
    ///
    /// An invalid URL, a database that cannot be reached or refuses a statement, or
    /// [`PostgresStoreError::Newer`].
    pub async fn migrate(url: &str) -> Result<(), PostgresStoreError> {
        Self::migrate_with(url, PostgresOptions::new()).await
    }

    /// As [`PostgresStore::migrate`], in the schema that the options name.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::migrate`], and impossible options.
    pub async fn migrate_with(
        url: &str,
        options: PostgresOptions,
    ) -> Result<(), PostgresStoreError> {
        let options = options.checked()?;
        let pool = Pool::new(url, &options)?;
        let schema = Schema::new(&options.schema);
        if check::known_version_of(&pool, &schema).await? == Some(VERSION) {
            return Ok(());
        }
        pool.batch(&schema.migration()).await
    }

    /// The SQL that [`PostgresStore::migrate`] executes, for a schema of this name: for a team that
    /// creates its tables by other means. It says which rights a limited role needs.
    ///
    /// # Errors
    ///
    /// [`PostgresStoreError::Options`] for a name that [`PostgresOptions::schema`] does not allow.
    pub fn schema_sql(schema: &str) -> Result<String, PostgresStoreError> {
        options::check_schema(schema)?;
        Ok(Schema::new(schema).sql())
    }

    /// Checks that the database can be reached and written to, for a readiness probe.
    ///
    /// Do not use it for a liveness probe: restarting the receiver does not repair the database.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::connect`].
    pub async fn ready(&self) -> Result<(), PostgresStoreError> {
        check::check(&self.0.pool, &self.0.schema).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("server", &self.0.pool.server())
            .finish_non_exhaustive()
    }
}
