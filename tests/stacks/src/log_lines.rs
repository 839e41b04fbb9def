//! What the feature `tracing` writes, as a subscriber of `tracing-subscriber` sees it.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use nevent_webhooks::VerifiedBody;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::subscriber::DefaultGuard;
use tracing::{Instrument, Level};

use crate::receiver::{BODY, genuine, genuine_with, handle, layers};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// All that this thread logs until the guard is dropped.
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::DEBUG);
        let subscriber = subscriber.with_ansi(false).without_time();
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().map(|line| line.trim_start().to_owned()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// At `debug`, for anyone can have it written.
#[tokio::test]
async fn a_forgery_is_written_with_its_reason() {
    let (log, _guard) = Log::start();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.oneshot(genuine(Body::from("{}"))).await.unwrap();
    let line = "DEBUG nevent_webhooks: rejected status=401 reason=no digest matches: \
        forged, the wrong secret, or a body that was changed on its way";
    assert_eq!(log.lines(), [line]);
}

#[tokio::test]
async fn a_reused_id_is_an_error_that_names_the_delivery() {
    let (log, _guard) = Log::start();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.clone().oneshot(genuine(Body::from(BODY))).await.unwrap();
    let other =
        r#"{"id":"evt_2","type":"fan.created","created":1,"data":{},"organization_id":"o"}"#;
    stack.oneshot(genuine_with(other, Body::from(other))).await.unwrap();
    let verified = "DEBUG nevent_webhooks: verified delivery=\"dlv_1\" age=0 secret=\"primary\"";
    let incident = "ERROR nevent_webhooks: deduplication incident=IdReused delivery=\"dlv_1\"";
    let rejected = "WARN nevent_webhooks: rejected status=422 delivery=\"dlv_1\" \
        reason=the delivery id was used before, for another body";
    assert_eq!(log.lines(), [verified, verified, incident, rejected]);
}

#[tokio::test]
async fn a_handler_without_its_client_stays_in_its_span() {
    let (log, _guard) = Log::start();
    let (verify, dedupe) = layers();
    let slow = |_: Request<VerifiedBody>| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tracing::info!("done");
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    };
    let stack = ServiceBuilder::new().layer((verify, dedupe.clone())).service(service_fn(slow));
    let delivery = stack.oneshot(genuine(Body::from(BODY)));
    let delivery = delivery.instrument(tracing::info_span!("request", n = 7));
    assert!(tokio::time::timeout(Duration::from_millis(5), delivery).await.is_err());
    dedupe.wait_idle().await;
    assert!(log.lines().last().unwrap().contains("request{n=7}"), "{:?}", log.lines());
}
