//! A receiver that puts each delivery into a queue of Amazon SQS, and answers 200 when SQS has confirmed
//! it.
//!
//! With AWS credentials and a region in the environment, create the queues and start the receiver in
//! the directory `queues`:
//!
//!     cargo run --features sqs --example sqs_worker -- create
//!     NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR \
//!         cargo run --features sqs --example sqs_receiver
//!
//! and send something, in the repository's root, with the same secret in the environment:
//!
//!     cargo run --example send -- --delivery d-1

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::{Router, routing::post};
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Secret, Verifier, VerifyLayer};
use nevent_webhooks_queues::sqs::{SqsOptions, SqsQueue};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bind = std::env::var("BIND").unwrap_or("127.0.0.1:3000".to_owned());
    // `aws_config::load_defaults` is enough if you build `aws-config` with its default HTTPS client.
    let https = aws_smithy_http_client::Builder::new();
    let https = https.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let aws = aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await;
    // [receiver]
    // Refuses queues that would lose entries.
    let queue = SqsQueue::connect(&SqsOptions::new(&aws, "tickets")?).await?;
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    // Says why a delivery was not handed over. In production, rather switch on the feature `tracing`.
    let log = |happened: &Observation<'_>| {
        if let Outcome::Rejected { rejection, .. } = happened.outcome {
            eprintln!("{rejection}");
        }
    };
    let observed = DedupeOptions::new().observer(log);
    // Receivers that share a store put fewer second copies into the queue.
    let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), observed)?;
    let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    // [end]
    let listener = TcpListener::bind(bind).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
