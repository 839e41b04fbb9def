//! Counts incidents with the feature `metrics`. Without it, functions that do nothing.

pub(crate) use self::imp::Counters;

#[cfg(feature = "metrics")]
mod imp {
    use std::sync::{Arc, OnceLock};

    use metrics::{Counter, counter, describe_counter};

    use crate::WorkerIncident;

    const NAME: &str = "nevent_webhooks_worker_incidents_total";
    const HELP: &str = "Incidents of a queue's workers.";

    /// The counters of a queue's workers, by the incident. They are resolved once.
    #[derive(Debug, Clone)]
    pub(crate) struct Counters(Arc<(String, OnceLock<[Counter; 3]>)>);

    impl Counters {
        pub(crate) fn of(queue: &str) -> Self {
            Self(Arc::new((queue.to_owned(), OnceLock::new())))
        }

        /// Resolves all counters, so that each begins with 0.
        pub(crate) fn begin(&self) {
            let _ = self.all();
        }

        pub(crate) fn count(&self, incident: &WorkerIncident<'_>) {
            let named = WorkerIncident::NAMES.into_iter().zip(self.all());
            for (_, counter) in named.filter(|(name, _)| *name == incident.as_str()) {
                counter.increment(1);
            }
        }

        fn all(&self) -> &[Counter; 3] {
            let (queue, counters) = &*self.0;
            counters.get_or_init(|| {
                describe_counter!(NAME, HELP);
                let of =
                    |incident| counter!(NAME, "queue" => queue.clone(), "incident" => incident);
                WorkerIncident::NAMES.map(of)
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use metrics::with_local_recorder;
        use metrics_exporter_prometheus::PrometheusBuilder;

        use crate::WorkerIncident;
        use crate::incident::Observer;
        use crate::verdict::Verdict;

        /// As the guide's table says.
        #[test]
        fn incidents_are_counted_by_queue() {
            let row =
                format!("| `{}` | counter | `queue`, `incident` | {} |", super::NAME, super::HELP);
            let guide = include_str!("../../docs/observing.md");
            assert!(guide.lines().any(|line| line == row), "{row}");

            let recorder = PrometheusBuilder::new().build_recorder();
            let page = || recorder.handle().render();
            let shows = |incident: &str, count: u64| {
                let labels = format!(r#"queue="jobs",incident="{incident}""#);
                let line = format!("{}{{{labels}}} {count}", super::NAME);
                assert!(page().lines().any(|shown| shown == line), "{line}: {}", page());
            };
            with_local_recorder(&recorder, || {
                let observer = Observer::of("jobs").begin();
                for incident in WorkerIncident::NAMES {
                    shows(incident, 0);
                }
                observer.failed(&std::io::Error::other("down"));
                let (outcome, delay) = ("failed", Duration::ZERO);
                let retry = Verdict::Retry { outcome, error: None, attempts: 1, delay };
                observer.settled("evt_1", &retry);
                observer.settled("evt_1", &retry);
                observer.settled("evt_1", &Verdict::Done);
                for (incident, count) in [("retry", 2), ("dead_letter", 0), ("queue_failed", 1)] {
                    shows(incident, count);
                }
            });
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod imp {
    use crate::WorkerIncident;

    #[derive(Debug, Clone)]
    pub(crate) struct Counters;

    #[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
    impl Counters {
        pub(crate) fn of(_: &str) -> Self {
            Self
        }

        pub(crate) fn begin(&self) {}

        pub(crate) fn count(&self, _: &WorkerIncident<'_>) {}
    }
}
