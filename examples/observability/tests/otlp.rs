//! The receiver as a user runs it: its spans arrive in a collector, and its metrics and log lines tell of the delivery.

use std::net::TcpListener as Free;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Router, http::Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::{Clock, DELIVERY_HEADER, SIGNATURE_HEADER, Secret, Signer, SystemClock};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
const BODY: &str =
    r#"{"id":"evt_1","type":"fan.created","created":1,"data":{},"organization_id":"org_1"}"#;

type Spans = Arc<Mutex<Vec<Span>>>;

#[tokio::test(flavor = "multi_thread")] // The collector answers while the test waits for the receiver.
async fn spans_metrics_and_log_lines_tell_of_a_delivery() {
    let (collector, spans) = collector().await;
    let (bind, admin) = (free(), free());
    let receiver = Receiver::start(&bind, &admin, &collector);
    eventually(|| get(format!("http://{admin}/readyz")), "ready").await;

    assert_eq!(deliver(&bind).await, 200);
    let page = get(format!("http://{admin}/metrics")).await.expect("a page");
    let counted = "nevent_webhooks_deliveries_total{scope=\"tickets\",scheme=\"nevent\",outcome=\"handler_succeeded\"} 1";
    assert!(page.contains(counted), "{page}");

    let log = receiver.stop();
    let handled = log.lines().find(|line| line.contains(r#""message":"handled""#)).expect("a line");
    for part in [r#""request_id":"req-1""#, r#""messaging.message.id":"dlv-1""#] {
        assert!(handled.contains(part), "{handled}");
    }
    let spans = spans.lock().expect("no panic");
    let span = spans.iter().find(|span| span.name == "webhook").expect("the span of the request");
    for (key, value) in [
        ("scope", "tickets"),
        ("request_id", "req-1"),
        ("messaging.message.id", "dlv-1"),
        ("outcome", "handler_succeeded"),
    ] {
        assert_eq!(attribute(span, key).as_deref(), Some(value), "{span:?}");
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|pair| pair.key == key)?.value.clone()?;
    match value.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// A receiver of OTLP over HTTP, as a collector has it.
async fn collector() -> (String, Spans) {
    async fn receive(State(spans): State<Spans>, body: Bytes) {
        let request = ExportTraceServiceRequest::decode(body).expect("a request of OTLP");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        spans.lock().expect("no panic").extend(scopes.flat_map(|scope| scope.spans));
    }
    let spans = Spans::default();
    let app = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&spans));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), spans)
}

/// The receiver's process.
struct Receiver(Child);

impl Receiver {
    fn start(bind: &str, admin: &str, collector: &str) -> Self {
        let receiver = Command::new(env!("CARGO_BIN_EXE_nevent-webhooks-observability"))
            .env("NEVENT_WEBHOOK_SECRET", SECRET)
            .envs([
                ("BIND", bind),
                ("ADMIN_BIND", admin),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
            ])
            .stdout(Stdio::piped())
            .spawn();
        Self(receiver.expect("the receiver starts"))
    }

    /// Ends the process, which sends the last spans, and returns its log.
    fn stop(mut self) -> String {
        let killed = Command::new("kill").arg(self.0.id().to_string()).status();
        assert!(killed.expect("kill").success());
        let mut log = String::new();
        let mut stdout = self.0.stdout.take().expect("piped");
        std::io::Read::read_to_string(&mut stdout, &mut log).expect("text");
        assert!(self.0.wait().expect("it ends").success(), "{log}");
        log
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// An address that nobody listens on.
fn free() -> String {
    Free::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
}

async fn deliver(bind: &str) -> u16 {
    let signer = Signer::new(&Secret::new(SECRET).expect("a secret"));
    let request = Request::post(format!("http://{bind}/webhooks/nevent"))
        .header(SIGNATURE_HEADER, signer.header(SystemClock.unix_seconds(), BODY.as_bytes()))
        .header(DELIVERY_HEADER, "dlv-1")
        .header("x-request-id", "req-1")
        .body(Full::<Bytes>::from(BODY))
        .expect("a request");
    let client = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.expect("a response").status().as_u16()
}

async fn get(url: String) -> Option<String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(url).body(Full::<Bytes>::default()).expect("a request");
    let body = client.request(request).await.ok()?.into_body().collect().await.ok()?;
    String::from_utf8(body.to_bytes().to_vec()).ok()
}

async fn eventually<F: Future<Output = Option<String>>>(ask: impl Fn() -> F, expected: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while ask().await.as_deref() != Some(expected) {
        assert!(Instant::now() < until, "no answer {expected:?} within 30 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
