//! A worker that handles each event of the queue once, whose effect and record are committed together
//! in a SQLite file.
//!
//! With the queues of `sqs_receiver.rs`, in the directory `queues`:
//!
//!     cargo run --features sqs --example sqs_worker
//!
//! `cargo run … -- create` creates the queues, and `-- replay` moves all dead letters back to the queue.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::SqliteStore;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{ClaimHandle, Event};
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsOptions, SqsWorker};
use rusqlite::{Connection, TransactionBehavior::Immediate};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (create, replay) = (is_asked_to("create"), is_asked_to("replay"));
    // `aws_config::load_defaults` is enough if you build `aws-config` with its default HTTPS client.
    let https = aws_smithy_http_client::Builder::new();
    let https = https.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let aws = aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await;
    let file = std::env::var("SHOP_FILE").unwrap_or("/tmp/shop.db".to_owned());
    // [worker]
    let options = SqsOptions::new(&aws, "tickets")?;
    if create {
        return Ok(options.create_queues().await?);
    }
    if replay {
        let dead = SqsDeadLetters::connect(&options).await?;
        println!("{} replayed", dead.replay(Select::All).await?);
        return Ok(());
    }
    let once = Once::new("tickets", SqliteStore::open(&file).await?)?;
    let worker = SqsWorker::connect(&options).await?;
    let worker = worker.observer(|incident| eprintln!("{incident:?}"));
    let handler = move |envelope, claim| sell(file.clone(), envelope, claim);
    println!("working");
    worker.run(&once, handler, told_to_stop()).await; // Returns when no handler is running.
    // [end]
    Ok(())
}

fn is_asked_to(what: &str) -> bool {
    std::env::args().any(|argument| argument == what)
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
