//! A receiver of batches: several events in one request, each handled once. If some of them
//! fail, Nevent sends the whole batch again, and only those are handled again.
//!
//! ```sh
//! export NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR   # in both terminals
//! cargo run --example batch
//! cargo run --example send -- --body examples/send/batch.json --repeat 2
//! ```
//!
//! `BIND` is the address and port; default `127.0.0.1:3000`. For shutdown, rotation and
//! timeouts see `axum.rs`: `axum::serve` has no timeouts, so a client that never finishes its
//! headers stays connected.

use std::error::Error;

use axum::{Router, routing::post};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    Batch, BatchReport, DedupeLayer, Event, EventData, Secret, Verifier, VerifyLayer,
};

/// Takes one event or many. An event that was handled before, alone or in a batch, is not
/// handled again. The report is the response: 2xx if all events are done.
async fn handle(batch: Batch) -> BatchReport {
    let report = batch.process(8, on_event).await;
    for failure in &report.failures {
        let id = failure.event_id.as_deref().unwrap_or("without an id");
        eprintln!("not done: number {}, {id}: {}", failure.position, failure.reason);
    }
    report
}

/// `Ok` means "done, never again". An error is logged, and the retry handles the event again.
async fn on_event(event: Event<EventData>) -> Result<(), String> {
    match event.data {
        EventData::PurchaseCompleted(purchase) => {
            if purchase.tickets.is_empty() {
                return Err(format!("purchase {} has no tickets", purchase.id));
            }
            println!("{}: {} {}", event.id, purchase.total, purchase.currency);
        }
        _ => println!("{}: {}", event.id, event.event_type),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    let dedupe = DedupeLayer::new("batch", MemoryStore::new())?;
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let app = Router::new().route("/webhooks/nevent", webhook);

    // An empty variable counts as unset: `${BIND:-}` in a compose file makes one.
    let bind = std::env::var("BIND").ok().filter(|bind| !bind.is_empty());
    let bind = bind.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(&bind).await.map_err(|error| {
        format!("BIND={bind}: {error}. Give a free address and port, such as 127.0.0.1:3000")
    })?;
    eprintln!("listening on http://{}/webhooks/nevent", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    dedupe.wait_idle().await;
    Ok(())
}
