//! A receiver as an engineer on call wants it: metrics for Prometheus, logs in JSON, and traces by OTLP.
//!
//! | variable | |
//! | --- | --- |
//! | `NEVENT_WEBHOOK_SECRET` | the signing secret; required |
//! | `NEVENT_WEBHOOK_SECRET_PREVIOUS` | the previous one, during a rotation |
//! | `BIND` | where Nevent's requests arrive; default `127.0.0.1:3000` |
//! | `ADMIN_BIND` | `/metrics`, `/healthz` and `/readyz`: keep it from the public; default `127.0.0.1:9464` |
//! | `REDIS_URL` | the store; without it, this process's memory |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector, such as `http://localhost:4318`; without it, no traces are sent |
//! | `RUST_LOG` | what is logged; default `info` |

mod handler;
mod memory;
mod telemetry;

use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use nevent_webhooks::store::Scope;
use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer, VerifyOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::memory::Memory;

/// The scope of the endpoint, in metrics, logs and the store.
const SCOPE: &str = "tickets";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Before the layers see a request: they look for the exporter once.
    let metrics = telemetry::metrics()?;
    let traces = telemetry::logs_and_traces()?;

    let memory = Memory::from_env().await?;
    // With the same scope in both layers, their metrics and log lines belong together.
    let options = VerifyOptions::new().scope(Scope::new(SCOPE)?);
    let verify = VerifyLayer::with_options(verifier_from_env()?, options);
    let dedupe = DedupeLayer::new(SCOPE, memory.store())?;
    let webhook = post(handler::handle).route_layer((verify, dedupe.clone()));
    let app = Router::new().route("/webhooks/nevent", webhook);

    let admin = TcpListener::bind(variable("ADMIN_BIND", "127.0.0.1:9464")).await?;
    tokio::spawn(axum::serve(admin, admin_routes(metrics, memory)).into_future());

    let listener = TcpListener::bind(variable("BIND", "127.0.0.1:3000")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    axum::serve(listener, app).with_graceful_shutdown(stopped()).await?;
    dedupe.wait_idle().await;
    traces.map_or(Ok(()), |traces| traces.shutdown())?;
    Ok(())
}

fn admin_routes(metrics: PrometheusHandle, memory: Memory) -> Router {
    let upkeep = metrics.clone();
    // Histograms are emptied into buckets by whoever reads them, or else by this.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Router::new()
        .route("/metrics", get(move || async move { metrics.render() }))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(move || ready(memory.clone())))
}

async fn ready(memory: Memory) -> (StatusCode, &'static str) {
    match memory.ready().await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store is not ready; the log says why")
        }
    }
}

fn verifier_from_env() -> Result<Verifier, Box<dyn Error>> {
    let mut secrets = vec![Secret::from_env("NEVENT_WEBHOOK_SECRET")?];
    if !variable("NEVENT_WEBHOOK_SECRET_PREVIOUS", "").is_empty() {
        secrets.push(Secret::from_env("NEVENT_WEBHOOK_SECRET_PREVIOUS")?);
    }
    Ok(Verifier::with_secrets(secrets)?)
}

/// A variable, or the default if it is unset or empty.
fn variable(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

async fn stopped() {
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
