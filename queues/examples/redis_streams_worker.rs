//! A worker that handles each event of the stream once, whose effect and record are committed together
//! in a SQLite file.
//!
//! With the server of `redis_streams_receiver.rs`, in the directory `queues`:
//!
//!     cargo run --features redis-streams --example redis_streams_worker
//!
//! `cargo run … -- replay` moves all dead letters back to the stream.

use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{Scope, SqliteStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{ClaimHandle, Event};
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use rusqlite::{Connection, TransactionBehavior::Immediate};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or("redis://127.0.0.1:6380".to_owned());
    let file = std::env::var("SHOP_FILE").unwrap_or("/tmp/shop.db".to_owned());
    // [worker]
    let (redis, scope) = (RedisStreams::connect(&url).await?, Scope::new("tickets")?);
    if std::env::args().any(|argument| argument == "replay") {
        let replayed = redis.dead_letters(&scope).replay(Select::All).await?;
        println!("{replayed} replayed");
        return Ok(());
    }
    let once = Once::new("tickets", SqliteStore::open(&file).await?)?;
    let worker = redis.worker(&scope).observer(|incident| eprintln!("{incident:?}"));
    let handler = move |envelope, claim| sell(file.clone(), envelope, claim);
    println!("working");
    worker.run(&once, handler, told_to_stop()).await; // Returns when nothing is in flight.
    // [end]
    Ok(())
}

/// SIGTERM or Ctrl-C.
async fn told_to_stop() {
    let mut terminated = signal(SignalKind::terminate()).expect("signals");
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// The sale and the record of it are committed together, or neither is.
async fn sell(file: String, envelope: Envelope, claim: ClaimHandle) -> Result<(), String> {
    let event: Event = envelope.event().map_err(|error| error.to_string())?;
    let sale = move || {
        let failed = |error: rusqlite::Error| CompleteError::Database(error.into());
        let mut shop = Connection::open(file).map_err(failed)?;
        shop.execute_batch("CREATE TABLE IF NOT EXISTS sales (event TEXT)").map_err(failed)?;
        let sale = shop.transaction_with_behavior(Immediate).map_err(failed)?;
        sale.execute("INSERT INTO sales VALUES (?1)", [&event.id]).map_err(failed)?;
        println!("{} {}", event.id, event.event_type);
        claim.commit_blocking(sale)
    };
    let sold = tokio::task::spawn_blocking(sale).await.map_err(|error| error.to_string())?;
    sold.map_err(|error| error.to_string())
}
