//! Where metrics, log lines and spans go.

use std::error::Error;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Installs the exporter for Prometheus, with the buckets of the guide.
pub fn metrics() -> Result<PrometheusHandle, Box<dyn Error>> {
    let of = |name: &str| Matcher::Full(format!("nevent_webhooks_{name}_seconds"));
    let all = Matcher::Prefix("nevent_webhooks_".to_owned());
    let short = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.5, 9.0, 30.0, 120.0, 600.0];
    let long =
        [1.0, 10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0];
    let signature = [-300.0, -60.0, -5.0, 0.0, 1.0, 5.0, 30.0, 60.0, 300.0];
    let exporter = PrometheusBuilder::new()
        .set_buckets_for_metric(of("signature_age"), &signature)?
        .set_buckets_for_metric(of("event_age"), &long)?
        .set_buckets_for_metric(of("entry_age"), &long)?
        .set_buckets_for_metric(all, &short)?
        .install_recorder()?;
    Ok(exporter)
}

/// Writes log lines as JSON to the standard output and, if there is a collector, sends it the spans.
pub fn logs_and_traces() -> Result<Option<SdkTracerProvider>, Box<dyn Error>> {
    let traces = traces()?;
    let to_collector = traces
        .as_ref()
        .map(|traces| tracing_opentelemetry::layer().with_tracer(traces.tracer("nevent_webhooks")));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // The fields of the span are those that find a request again: its id and the delivery's.
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(filter).with(lines).with(to_collector).try_init()?;
    Ok(traces)
}

fn traces() -> Result<Option<SdkTracerProvider>, Box<dyn Error>> {
    let endpoint = crate::variable("OTEL_EXPORTER_OTLP_ENDPOINT", "");
    if endpoint.is_empty() {
        return Ok(None);
    }
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
    let resource = Resource::builder().with_service_name("nevent-receiver").build();
    let traces = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource);
    Ok(Some(traces.build()))
}
