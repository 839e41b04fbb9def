//! The contestants: receivers that handle a delivery in one way each.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use deadpool_postgres::{Manager, Pool, Transaction};
use nevent_webhooks::store::{PostgresOptions, PostgresStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{DedupeLayer, Delivery, Rejection, Verifier, VerifyLayer};
use nevent_webhooks_benches::deliveries::{Signed, secret};
use tokio_postgres::NoTls;
use tower::ServiceExt;

/// One way to handle a delivery.
#[derive(Debug, Clone, Copy)]
pub enum Contestant {
    /// The effect in a transaction, without any deduplication.
    Effect,
    /// The effect and a row with the id in one transaction: a duplicate is found in the handler.
    Inbox,
    /// A look at the records before the handler, and a new record in the handler's transaction.
    LookAndRecord,
    /// The store's claim, and `Delivery::commit`.
    Commit,
    /// The same, with claims that do not wait for the disk.
    AsynchronousCommit,
    /// The store's claim, the effect, and the store's completion when the handler has returned.
    PlainComplete,
}

impl Contestant {
    /// The first is the yardstick.
    pub const ALL: [Self; 6] = [
        Self::Effect,
        Self::Inbox,
        Self::LookAndRecord,
        Self::Commit,
        Self::AsynchronousCommit,
        Self::PlainComplete,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Effect => "effect alone",
            Self::Inbox => "effect and inbox row",
            Self::LookAndRecord => "look, then effect and record",
            Self::Commit => "claim, effect and `commit`",
            Self::AsynchronousCommit => "asynchronous claim, effect and `commit`",
            Self::PlainComplete => "claim, effect, plain completion",
        }
    }

    fn path(self) -> String {
        format!("/{self:?}")
    }
}

const TABLES: &str = "
    CREATE TABLE sales (event text NOT NULL, sold_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE inbox (id text PRIMARY KEY);
    CREATE TABLE records (
        ends timestamptz NOT NULL, scope text COLLATE \"C\", id text COLLATE \"C\",
        token bytea NOT NULL, fingerprint bytea NOT NULL, PRIMARY KEY (scope, id)
    );
    CREATE INDEX ON records (ends)";

/// A receiver with a route for each contestant.
#[derive(Clone)]
pub struct Receiver {
    router: Router,
    pools: Pools,
}

#[derive(Clone)]
struct Pools {
    handlers: Pool,
    looks: Pool,
}

impl Receiver {
    pub async fn on(url: &str) -> Self {
        PostgresStore::migrate(url).await.expect("a server");
        let pools = Pools { handlers: pool(url, 32), looks: pool(url, 8) };
        let client = pools.handlers.get().await.expect("a server");
        client.batch_execute(TABLES).await.expect("a new database");
        let verify = VerifyLayer::new(Verifier::new(secret()));
        let claimed = [
            (Contestant::Commit, false, post(commit)),
            (Contestant::AsynchronousCommit, true, post(commit)),
            (Contestant::PlainComplete, false, post(effect)),
        ];
        let mut router = Router::new()
            .route(&Contestant::Effect.path(), post(effect))
            .route(&Contestant::Inbox.path(), post(inbox))
            .route(&Contestant::LookAndRecord.path(), post(look_and_record))
            .route_layer(verify.clone());
        for (contestant, asynchronous, handler) in claimed {
            let options = PostgresOptions::new().asynchronous_claims(asynchronous);
            let store = PostgresStore::open(url, options).await.expect("a migrated server");
            let dedupe = DedupeLayer::new(&contestant.path(), store).expect("safe options");
            let layers = (verify.clone(), dedupe);
            router = router.route(&contestant.path(), handler.route_layer(layers));
        }
        Self { router: router.with_state(pools.clone()), pools }
    }

    pub async fn deliver(&self, to: Contestant, delivery: &Signed) {
        let mut request = delivery.request();
        *request.uri_mut() = to.path().parse().expect("a path");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// Writes out what earlier turns left in the server's buffers.
    pub async fn settle(&self) {
        let client = self.pools.handlers.get().await.expect("a server");
        client.batch_execute("CHECKPOINT").await.expect("a superuser");
    }

    pub async fn assert_each_effect_once(&self) {
        let client = self.pools.handlers.get().await.expect("a server");
        let repeated = "SELECT FROM sales GROUP BY event HAVING count(*) > 1";
        assert!(client.query(repeated, &[]).await.expect("a server").is_empty());
    }
}

fn pool(url: &str, size: usize) -> Pool {
    let manager = Manager::new(url.parse().expect("a URL"), NoTls);
    Pool::builder(manager).max_size(size).build().expect("no timeouts")
}

async fn effect(State(pools): State<Pools>, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let mut client = pools.handlers.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    sell(&transaction, &delivery).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(StatusCode::OK)
}

async fn commit(State(pools): State<Pools>, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let mut client = pools.handlers.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    sell(&transaction, &delivery).await?;
    delivery.commit(transaction).await?;
    Ok(StatusCode::OK)
}

async fn inbox(State(pools): State<Pools>, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let mut client = pools.handlers.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    sell(&transaction, &delivery).await?;
    let insert = "INSERT INTO inbox VALUES ($1) ON CONFLICT DO NOTHING";
    let insert = transaction.prepare_cached(insert).await.map_err(failed)?;
    let rows = transaction.execute(&insert, &[&delivery.id().as_str()]).await.map_err(failed)?;
    assert_eq!(rows, 1, "each delivery comes once");
    transaction.commit().await.map_err(failed)?;
    Ok(StatusCode::OK)
}

async fn look_and_record(
    State(pools): State<Pools>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let id = delivery.id().as_str();
    {
        let client = pools.looks.get().await.map_err(failed)?;
        let look = "SELECT ends, token, fingerprint FROM records WHERE scope = $1 AND id = $2";
        let look = client.prepare_cached(look).await.map_err(failed)?;
        let known = client.query_opt(&look, &[&"tickets", &id]).await.map_err(failed)?;
        assert!(known.is_none(), "each delivery comes once");
    }
    let mut client = pools.handlers.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    sell(&transaction, &delivery).await?;
    let insert = "INSERT INTO records VALUES (now() + interval '1 day', $1, $2, $3, $4)";
    let insert = transaction.prepare_cached(insert).await.map_err(failed)?;
    let (token, fingerprint) = ([0_u8; 16], [1_u8; 17]);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&"tickets", &id, &&token[..], &&fingerprint[..]];
    transaction.execute(&insert, &values).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(StatusCode::OK)
}

/// The effect.
async fn sell(transaction: &Transaction<'_>, delivery: &Delivery) -> Result<(), CompleteError> {
    let insert = "INSERT INTO sales (event) VALUES ($1)";
    let insert = transaction.prepare_cached(insert).await.map_err(failed)?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&delivery.id().as_str()];
    transaction.execute(&insert, &values).await.map(drop).map_err(failed)
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CompleteError {
    CompleteError::Database(error.into())
}
