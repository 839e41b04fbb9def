//! Resolves handles, with their descriptions.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, with_recorder};

use super::table::Metric;

const METADATA: Metadata<'static> = Metadata::new("nevent_webhooks", Level::INFO, None);

/// Each of these takes the values of the labels in the order of the table, and describes the metric as
/// well: a description that came before the exporter is lost.
impl Metric {
    pub(crate) fn counter(&self, values: &[&str]) -> Counter {
        with_recorder(|recorder| {
            recorder.describe_counter(self.name.into(), Some(self.unit()), self.help.into());
            recorder.register_counter(&self.key(values), &METADATA)
        })
    }

    pub(crate) fn gauge(&self, values: &[&str]) -> Gauge {
        with_recorder(|recorder| {
            recorder.describe_gauge(self.name.into(), Some(self.unit()), self.help.into());
            recorder.register_gauge(&self.key(values), &METADATA)
        })
    }

    pub(crate) fn histogram(&self, values: &[&str]) -> Histogram {
        with_recorder(|recorder| {
            recorder.describe_histogram(self.name.into(), Some(self.unit()), self.help.into());
            recorder.register_histogram(&self.key(values), &METADATA)
        })
    }

    fn key(&self, values: &[&str]) -> Key {
        let labels = self.labels.iter().zip(values);
        let labels = labels.map(|(name, value)| Label::new(*name, (*value).to_owned()));
        Key::from_parts(self.name, labels.collect::<Vec<_>>())
    }
}

/// A histogram that is resolved when it first measures something. Otherwise an exporter would show all
/// buckets of histograms that stay empty.
#[derive(Debug)]
pub(crate) struct LazyHistogram(OnceLock<Histogram>);

impl LazyHistogram {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn record(&self, value: f64, of: &Metric, labels: &[&str]) {
        self.0.get_or_init(|| of.histogram(labels)).record(value);
    }

    pub(crate) fn took(&self, took: Duration, of: &Metric, labels: &[&str]) {
        self.record(took.as_secs_f64(), of, labels);
    }
}

/// Whole numbers above 2^53 lose digits.
#[expect(clippy::cast_precision_loss, reason = "no age is that long")]
pub(crate) fn seconds(whole: i64) -> f64 {
    whole as f64
}
