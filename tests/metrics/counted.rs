use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nevent_webhooks::store::{MemoryStore, Scope};
use nevent_webhooks::{DedupeLayer, VerifyOptions};

use crate::support::receiver::Setup;

const GUIDE: &str = include_str!("../../docs/observing.md");

/// A layer that was made before the exporter was installed.
pub static EARLY: OnceLock<DedupeLayer> = OnceLock::new();

/// The exporter's page, with the series of this process.
pub fn page() -> String {
    static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();
    let exporter = EXPORTER.get_or_init(|| {
        EARLY.get_or_init(|| DedupeLayer::new("early", MemoryStore::new()).expect("a scope"));
        let buckets = [0.001, 0.1, 10.0];
        let builder = PrometheusBuilder::new().set_buckets(&buckets).expect("buckets");
        builder.install_recorder().expect("the only exporter")
    });
    exporter.render()
}

/// The values by series: the metric and the values of its labels but the scope. Histograms by their
/// counts.
type Values = BTreeMap<String, i64>;

/// What the layers of one scope count and measure.
pub struct Counted {
    scope: String,
    seen: Values,
}

impl Counted {
    /// Under a scope of its own.
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let _ = page(); // The exporter is installed before the first request.
        Self { scope: format!("scope-{number}"), seen: Values::new() }
    }

    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Both layers with this scope, and the first with these options.
    pub fn both_layers(
        &self,
        setup: Setup,
        change: impl FnOnce(VerifyOptions) -> VerifyOptions + 'static,
    ) -> Setup {
        let scope = Scope::new(&self.scope).expect("a scope");
        setup.scope(&self.scope).verify(move |options| change(options).scope(scope))
    }

    /// Waits until the series of this scope have changed by this much since the last call, each by 1
    /// unless it says otherwise, and no other has.
    #[track_caller]
    pub fn moved(&mut self, expected: &[&[&str]]) -> impl Future<Output = ()> {
        let mut expected: Vec<_> = expected.concat().into_iter().map(ToOwned::to_owned).collect();
        expected.sort();
        let caller = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            loop {
                let now = values(&self.scope);
                let moved = moved(&self.seen, &now);
                if moved == expected {
                    self.seen = now;
                    return;
                }
                let took = begun.elapsed();
                assert!(took < Duration::from_secs(30), "{caller}: {moved:#?} not {expected:#?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// The value of a series, `None` if there is none.
    pub fn value(&self, series: &str) -> Option<i64> {
        values(&self.scope).get(series).copied()
    }
}

fn moved(before: &Values, now: &Values) -> Vec<String> {
    let by = |(series, value): (&String, &i64)| match value
        - before.get(series).copied().unwrap_or_default()
    {
        0 => None,
        1 => Some(series.clone()),
        by => Some(format!("{series} {by:+}")),
    };
    let mut moved: Vec<_> = now.iter().filter_map(by).collect();
    moved.sort();
    moved
}

/// The series of a scope, each of which the guide's table has.
fn values(scope: &str) -> Values {
    let page = page();
    let lines = page.lines().filter_map(|line| line.strip_prefix("nevent_webhooks_"));
    let series = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let name = name.strip_suffix("_count").unwrap_or(name);
        if name.ends_with("_bucket") || name.ends_with("_sum") {
            return None;
        }
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.split_once('=').expect("a value"));
        let labels: Vec<_> = labels.map(|(name, value)| (name, value.trim_matches('"'))).collect();
        is_in_the_guide(name, &labels);
        if labels.first() != Some(&("scope", scope)) {
            return None;
        }
        let values = labels[1..].iter().map(|(_, value)| *value);
        let series: Vec<_> = [name].into_iter().chain(values).collect();
        Some((series.join(" "), value.parse::<i64>().expect("a whole number")))
    });
    series.collect()
}

/// Checks the metric's name and the names of its labels.
fn is_in_the_guide(name: &str, labels: &[(&str, &str)]) {
    let row = format!("| `nevent_webhooks_{name}` |");
    let row = GUIDE.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row}"));
    let documented = row.split('|').nth(3).expect("labels").trim();
    let labels: Vec<_> = labels.iter().map(|(label, _)| format!("`{label}`")).collect();
    let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
    assert_eq!(documented, labels, "{name}");
}
