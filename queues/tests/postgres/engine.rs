use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use nevent_webhooks::store::Store;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::postgres::{
    PostgresDeadLetters, PostgresError, PostgresOptions, PostgresQueue, PostgresWorker,
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls};

use crate::scene::{Scene, options, own_server};
use crate::servers::Server;
use crate::servers::bouncer::Bouncer;
use crate::support::engine::{Engine, Foreign, connected, engine_connects};
use crate::support::ledger::{self, Load};
use crate::support::sender::Sender;
use crate::support::{eventually, receiver};

pub type Work = crate::support::work::Work<Postgres>;
pub type Dead = crate::support::engine::Dead<Postgres>;

pub async fn sender(options: &PostgresOptions) -> Sender {
    crate::support::engine::sender::<Postgres>(options).await
}

pub struct Postgres {
    place: Place,
    options: PostgresOptions,
    crashes: AtomicUsize,
}

/// Where the table is.
enum Place {
    Shared(Box<Scene>),
    Alone(Mutex<Server>, String),
    /// With PgBouncer in front of the server, for the receivers.
    Ledger(Mutex<Server>, String, Bouncer),
}

impl Postgres {
    fn at(place: Place, options: PostgresOptions) -> Self {
        Self { place, options, crashes: AtomicUsize::default() }
    }

    fn server(&self) -> &Mutex<Server> {
        match &self.place {
            Place::Alone(server, _) | Place::Ledger(server, ..) => server,
            Place::Shared(_) => panic!("no server of its own"),
        }
    }

    async fn client(&self) -> Client {
        match &self.place {
            Place::Shared(scene) => scene.database.client().await,
            Place::Alone(server, _) | Place::Ledger(server, ..) => {
                server.lock().await.client().await
            }
        }
    }

    async fn count(&self, condition: &str) -> usize {
        let query = format!("SELECT count(*) FROM nevent_webhooks.entries WHERE {condition}");
        let row = self.client().await.query_one(&query, &[]).await.expect("a table");
        usize::try_from(row.get::<_, i64>(0)).expect("few")
    }
}

/// The server is killed in two ways in turn.
impl ledger::Broker for Postgres {
    async fn crash_and_restart(&self) {
        let mut server = self.server().lock().await;
        if self.crashes.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return server.crash_and_restart().await;
        }
        // One of its processes is killed. The server then ends all of them, and recovers.
        let writer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
        let client = server.client().await;
        let row = client.query_one(writer, &[]).await.expect("a server");
        let killed = Command::new("kill").args(["-9", &row.get::<_, i32>(0).to_string()]).status();
        assert!(killed.expect("kill").success());
        eventually("the server ends its connections", async || client.is_closed()).await;
        let url = server.url();
        eventually("the server is back", async || {
            tokio_postgres::connect(&url, NoTls).await.is_ok()
        })
        .await;
    }
}

impl Engine for Postgres {
    type Broker = Self;

    const CANNOT: &'static [(&'static str, &'static str)] = &[(
        "an_event_can_be_sent_again_after_its_dead_letter_was_deleted",
        "the record of the event is in the server, where every receiver finds it",
    )];
    const IS_ATOMIC: bool = true;
    const MOST_CRASHES: usize = 2;
    const LEDGER: Load = Load { singles: 300, batches: 15, spread: Duration::from_secs(6) };

    engine_connects!(
        PostgresOptions,
        PostgresQueue,
        PostgresWorker,
        PostgresDeadLetters,
        PostgresError
    );

    async fn shared(_: &'static str) -> Self {
        let scene = Scene::new().await;
        let options = scene.options.clone();
        Self::at(Place::Shared(Box::new(scene)), options)
    }

    async fn alone() -> Self {
        let (server, options) = own_server(&[]).await;
        let url = server.url();
        Self::at(Place::Alone(Mutex::new(server), url), options)
    }

    async fn for_ledger() -> Self {
        let (server, options) = own_server(&["max_connections=200"]).await;
        let settings = ["default_pool_size=8", "server_login_retry=0.2"];
        let bouncer = Bouncer::before(&server, &settings).await;
        let url = server.url();
        Self::at(Place::Ledger(Mutex::new(server), url, bouncer), options)
    }

    fn broker(&self) -> &Self {
        self
    }

    async fn kill(&self) {
        self.server().lock().await.crash();
    }

    async fn up(&self) {
        self.server().lock().await.start_again().await;
    }

    async fn entries(&self) -> usize {
        self.count("dead_at IS NULL").await
    }

    async fn in_hand(&self) -> usize {
        self.count("lease IS NOT NULL").await
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let envelope = match foreign {
            Foreign::Unreadable => "?",
            Foreign::Newer => r#"{"version":2}"#,
        };
        let insert = "INSERT INTO nevent_webhooks.entries (queue, envelope) \
            VALUES ('tickets', $1::text) RETURNING number";
        let row = self.client().await.query_one(insert, &[&envelope]).await.expect("a table");
        Some(row.get::<_, i64>(0).to_string())
    }

    async fn hurry(&self) -> bool {
        let update = "UPDATE nevent_webhooks.entries SET run_at = now() WHERE lease IS NULL";
        self.client().await.execute(update, &[]).await.expect("a table");
        true
    }

    fn address(&self) -> String {
        match &self.place {
            Place::Shared(scene) => scene.database.url(),
            Place::Alone(_, url) | Place::Ledger(_, url, _) => url.clone(),
        }
    }

    /// Through PgBouncer, which holds their connections while the server is away. The server starts a process
    /// for each attempt to connect. A busy machine would do nothing else.
    fn address_of_receivers(&self) -> String {
        match &self.place {
            Place::Ledger(_, _, bouncer) => bouncer.url(),
            _ => self.address(),
        }
    }

    fn options(&self) -> PostgresOptions {
        self.options.clone().poll_every(Duration::from_millis(20))
    }

    async fn options_at(address: &str, _: &str) -> Result<PostgresOptions, PostgresError> {
        Ok(options(address).poll_every(Duration::from_millis(50)))
    }

    /// The lease is longer than that of `Once`.
    fn crashing(options: PostgresOptions) -> PostgresOptions {
        options.lease(Duration::from_millis(2_300)).delivery_limit(1)
    }

    fn crowded(options: PostgresOptions) -> PostgresOptions {
        options.lease(Duration::from_millis(1_000)).delivery_limit(15)
    }

    /// Each kill counts for all entries in flight. The lease is longer than that of `Once`.
    fn enduring(options: PostgresOptions) -> PostgresOptions {
        let retry = RetryPolicy::new().first(Duration::from_millis(500)).attempts(1_000);
        let options = options.retry(retry.longest(Duration::from_secs(2))).delivery_limit(1_000);
        let options = options.lease(Duration::from_millis(2_500)).connections(3);
        options.poll_every(Duration::from_millis(200)).timeout(Duration::from_secs(5))
    }

    fn impatient(options: PostgresOptions) -> (PostgresOptions, Duration) {
        let lease = Duration::from_millis(750);
        (options.lease(lease), lease)
    }

    async fn receiver(options: &PostgresOptions, _: impl Store) -> Result<Router, PostgresError> {
        let queue = PostgresQueue::connect(options).await?;
        let store = connected(async || options.store().await).await;
        Ok(receiver::app(queue, store))
    }
}
