//! A receiver that keeps events it cannot read: it writes the bytes to one file and the reason
//! to another, for a person to look at, and responds 2xx. Otherwise Nevent would send such an
//! event again until its last retry, and then the event would be lost.
//!
//! ```sh
//! export NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR   # in both terminals
//! cargo run --example park
//! cargo run --example send -- --event fan.created
//! ```
//!
//! `PARKED` is the directory; default `parked`. `BIND` is the address and port; default
//! `127.0.0.1:3000`. For rotation, timeouts and health checks see `axum.rs`.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::{Router, routing::post};
use nevent_webhooks::event::{Event, EventData};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Delivery, Rejection, Secret, Verifier, VerifyLayer};

/// With actix-web, the arguments are the same.
async fn handle(
    State(parked): State<PathBuf>,
    delivery: Delivery,
    event: Result<Event<EventData>, Rejection>,
) -> Result<(), Rejection> {
    match event {
        // The sender's text may hold a line break: `{:?}` escapes it.
        Ok(event) => println!("handled {:?} {:?}", event.event_type, event.id),
        Err(Rejection::Event(reason)) => {
            // If this fails, the event is not done, and Nevent sends it again.
            park(&parked, &delivery, &reason.to_string()).await.map_err(|error| {
                eprintln!("cannot park {}: {error}", delivery.id());
                Rejection::Event(reason.clone())
            })?;
            println!("parked {}: {reason}", delivery.id());
        }
        // A mistake in this program, such as a route without the layers.
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Writes the reason, and the bytes as they were signed, to two files, and syncs them. The
/// sender chooses the id, so only its letters and digits become part of a file's name.
async fn park(directory: &Path, delivery: &Delivery, reason: &str) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let id: String = delivery.id().as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    let path = directory.join(format!("{}-{id}.json", now.as_nanos()));
    let (body, reason) = (delivery.body().clone(), format!("{reason}\n"));
    let write = move || {
        write_new(&path.with_extension("reason"), reason.as_bytes())?;
        write_new(&path, &body)
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // The file's name is in the directory, which has to be synced as well.
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    let dedupe = DedupeLayer::new("park", MemoryStore::new())?;
    // An empty variable counts as unset: `${PARKED:-}` in a compose file makes one.
    let parked = std::env::var_os("PARKED").filter(|parked| !parked.is_empty());
    let parked = PathBuf::from(parked.unwrap_or_else(|| "parked".into()));
    std::fs::create_dir_all(&parked)
        .map_err(|error| format!("PARKED={}: {error}. Give a directory", parked.display()))?;
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let app = Router::new().route("/webhooks/nevent", webhook).with_state(parked);

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
