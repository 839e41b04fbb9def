//! All metrics: the one table that their descriptions come from. The guide's table is the same, and so
//! is what the layers emit, as tests check.

use metrics::Unit;

/// One metric. Its labels are in the order in which their values are given.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// Of seconds.
    Histogram,
}

impl Metric {
    pub(crate) fn unit(&self) -> Unit {
        match self.kind {
            Kind::Counter | Kind::Gauge => Unit::Count,
            Kind::Histogram => Unit::Seconds,
        }
    }
}

/// Makes a constant of each line, and the list of all.
macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $constant: Metric = Metric {
            name: concat!("nevent_webhooks_", $name),
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        #[cfg(test)]
        pub(crate) const ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    DELIVERIES = Counter "deliveries_total" ["scope", "scheme", "outcome"]
        "Outcomes of deliveries. One delivery has several.";
    REJECTIONS = Counter "rejections_total" ["scope", "reason"]
        "Responses in the handler's place.";
    INCIDENTS = Counter "incidents_total" ["scope", "incident"]
        "Incidents. All series exist from the start.";
    SIGNATURE_AGE = Histogram "signature_age_seconds" ["scope"]
        "Age of the signature when the body ended. Negative if the sender's clock is ahead.";
    EVENT_AGE = Histogram "event_age_seconds" []
        "Age of an event by its own time when its delivery arrived, for each event that is read.";
    BODY_READ = Histogram "body_read_seconds" ["scope"]
        "Time from the request's head to the end of its body.";
    HANDLER_DURATION = Histogram "handler_duration_seconds" ["scope", "outcome"]
        "How long handlers ran.";
    STORE_DURATION = Histogram "store_duration_seconds" ["scope", "operation", "result"]
        "How long calls of the store took.";
    IN_FLIGHT = Gauge "in_flight" ["scope"]
        "Attempts that hold a permit: they claim, are handled, or wait for their record.";
    EVENTS = Counter "events_total" ["scope", "type", "outcome"]
        "Ends of events, single or of a batch.";
    UNREAD_FIELDS = Counter "unread_fields_total" ["field"]
        "Optional fields of events that are not as documented.";
    SECRET_MATCHES = Counter "secret_matches_total" ["scope", "secret"]
        "Deliveries by the name of the secret or token that matched.";
    RECORDS_EVICTED = Counter "records_evicted_total" []
        "Completed records and signatures that a memory store evicted before they had expired.";
    HANDOVER_DURATION = Histogram "handover_duration_seconds" ["scope", "queue", "result"]
        "How long a queue took to confirm an entry.";
    ATTEMPTS = Counter "attempts_total" ["scope", "result"]
        "Attempts of a consumer at entries of a queue.";
    ENTRY_AGE = Histogram "entry_age_seconds" ["scope"]
        "Time from the receipt of a delivery to an attempt at its entry in the queue.";
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../../docs/observing.md");

    /// The lines of the guide's table: name, kind, labels and help.
    fn lines_of_the_guide() -> Vec<[&'static str; 4]> {
        let rows = GUIDE.lines().filter(|line| line.starts_with("| `nevent_webhooks_"));
        let cells = |row: &'static str| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            <[&str; 4]>::try_from(cells).expect("four cells")
        };
        rows.map(cells).collect()
    }

    #[test]
    fn the_guide_has_these_metrics_and_that_of_the_workers() {
        let of_code = ALL.iter().map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
            let kind = format!("{:?}", metric.kind).to_lowercase();
            [format!("`{}`", metric.name), kind, labels, metric.help.to_owned()]
        });
        let mut of_guide = lines_of_the_guide();
        let of_workers = of_guide.pop().expect("lines");
        assert_eq!(of_workers[0], "`nevent_webhooks_worker_incidents_total`");
        assert_eq!(of_guide, of_code.collect::<Vec<_>>());
    }
}
