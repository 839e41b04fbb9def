//! A worker that handles each event of the queue once, whose effect and record are committed together in
//! the database of the queue.
//!
//! With the server of `postgres_receiver.rs`, in the directory `queues`:
//!
//!     cargo run --features postgres --example postgres_worker
//!
//! `cargo run … -- replay` moves all dead letters back to the queue.

use deadpool_postgres::{Manager, Pool};
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::{ClaimHandle, Event};
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::postgres::{PostgresDeadLetters, PostgresOptions, PostgresWorker};
use tokio::signal::unix::{SignalKind, signal};
use tokio_postgres::NoTls;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let local = "postgres://postgres:secret@127.0.0.1/postgres".to_owned();
    let url = std::env::var("DATABASE_URL").unwrap_or(local);
    // [worker]
    let options = PostgresOptions::new(&url, "tickets")?;
    if std::env::args().any(|argument| argument == "replay") {
        let dead = PostgresDeadLetters::connect(&options).await?;
        println!("{} replayed", dead.replay(Select::All).await?);
        return Ok(());
    }
    // The handlers' own connections: they must not wait for those of the queue.
    let shop = Pool::builder(Manager::new(url.parse()?, NoTls)).build()?;
    let table = "CREATE TABLE IF NOT EXISTS sales (event text NOT NULL)";
    shop.get().await?.batch_execute(table).await?;
    let once = Once::new("tickets", options.store().await?)?;
    let worker = PostgresWorker::connect(&options).await?;
    let worker = worker.observer(|incident| eprintln!("{incident:?}"));
    let handler = move |envelope, claim| sell(shop.clone(), envelope, claim);
    println!("working");
    worker.run(&once, handler, told_to_stop()).await; // Returns when no handler is running.
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
async fn sell(shop: Pool, envelope: Envelope, claim: ClaimHandle) -> Result<(), String> {
    let sale = async {
        let event: Event = envelope.event()?;
        let mut connection = shop.get().await?;
        let sale = connection.transaction().await?;
        sale.execute("INSERT INTO sales VALUES ($1)", &[&event.id]).await?;
        claim.commit(sale).await?;
        println!("{} {}", event.id, event.event_type);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    sale.await.map_err(|error| error.to_string())
}
