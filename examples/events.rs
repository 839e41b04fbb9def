//! A box office that handles typed events: it keeps its CRM in step with Nevent's fans, rings
//! a bell for VIPs, and counts sales on a dashboard.
//!
//! ```sh
//! export NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR   # in both terminals
//! cargo run --example events
//! cargo run --example send -- --event fan.created
//! ```
//!
//! `BIND` is the address and port; default `127.0.0.1:3000`. For shutdown, rotation and
//! header timeouts see `axum.rs`.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Router, middleware, routing::post};
use nevent_webhooks::event::{Decimal, Event, EventData, Fan, Purchase};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Rejection, Secret, Verifier, VerifyLayer};

/// A stand-in for your database. There, handle an event in one transaction: a handler that
/// failed half-way is run again from its beginning.
#[derive(Default)]
struct BoxOffice {
    crm: HashMap<String, Fan>,
    tickets_sold: i64,
    /// Revenue by currency, as exact as the amounts that were sent.
    revenue: HashMap<String, Decimal>,
}

/// Handles each type of event in one place. Other types get a 2xx as well. Otherwise Nevent would send them again.
async fn handle(
    State(office): State<Arc<Mutex<BoxOffice>>>,
    event: Event<EventData>,
) -> StatusCode {
    let mut office = office.lock().unwrap_or_else(PoisonError::into_inner);
    match event.data {
        EventData::FanCreated(fan) | EventData::FanUpdated(fan) => office.sync(*fan),
        EventData::FanDeleted(fan) => office.delete(&fan),
        EventData::PurchaseCompleted(purchase) => {
            office.alert(&purchase);
            office.count(&purchase);
        }
        EventData::Unknown { event_type, .. } => println!("new to me: {event_type}"),
        _ => {}
    }
    StatusCode::OK
}

impl BoxOffice {
    fn sync(&mut self, fan: Fan) {
        println!("crm: {} is {}", fan.id, fan.email.as_deref().unwrap_or("without an email"));
        self.crm.insert(fan.id.clone(), fan);
    }

    fn delete(&mut self, fan: &Fan) {
        println!("crm: {} is deleted", fan.id);
        self.crm.remove(&fan.id);
    }

    /// Rings a bell for VIPs. The event holds few of the fan's fields: the CRM has the tags.
    fn alert(&self, purchase: &Purchase) {
        let known = self.crm.get(&purchase.fan.id);
        let is_vip = known.is_some_and(|fan| fan.tags.iter().any(|tag| tag == "vip"));
        if is_vip || purchase.total >= Decimal::from(500) {
            println!("vip: {} comes to {}", purchase.fan.id, purchase.event.name);
        }
    }

    fn count(&mut self, purchase: &Purchase) {
        self.tickets_sold += purchase.tickets.iter().map(|ticket| ticket.quantity).sum::<i64>();
        let revenue = self.revenue.entry(purchase.currency.clone()).or_default();
        *revenue += purchase.total;
        println!("dashboard: {} tickets, {revenue} {}", self.tickets_sold, purchase.currency);
    }
}

/// Logs rejections. For an event that cannot be read, the reason names the field.
async fn log_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        eprintln!("responded {}: {rejection}", rejection.status());
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    let dedupe = DedupeLayer::new("events", MemoryStore::new())?;
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let office = Arc::new(Mutex::new(BoxOffice::default()));
    let app = Router::new()
        .route("/webhooks/nevent", webhook)
        .layer(middleware::map_response(log_rejection))
        .with_state(office);

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
