//! The settings of the client, on which the promises rest.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::KafkaOptions;

/// How many bytes of records the client fetches ahead. Its default of 64 MiB is per worker, too.
const AHEAD_KIB: &str = "16384";

/// What the client's producer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    record: usize,
    batch: usize,
}

impl Limit {
    /// Of a receiver: an entry must fit into the retry topics and the dead letters, too, where it has more
    /// headers and a longer key.
    pub(super) fn of_entries(largest: usize) -> Self {
        let record = largest.saturating_sub(RESERVE).max(LEAST);
        Self { record, batch: record.min(BATCH) }
    }

    /// Of a worker or a tool: an entry that is there must go on, so a broker decides.
    pub(super) fn of_copies(largest: usize) -> Self {
        Self { record: MOST, batch: largest.saturating_sub(RESERVE).clamp(LEAST, BATCH) }
    }
}

/// For the headers and the key of a copy, and for the batch around a record, which Kafka counts.
const RESERVE: usize = 1_024;
/// The least and the most that the client takes.
const LEAST: usize = 1_000;
const MOST: usize = 1_000_000_000;
/// The client's default.
const BATCH: usize = 1_000_000;

impl KafkaOptions {
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", &self.topic).set("bootstrap.servers", &self.brokers);
        // A broker that is silent holds up each request for so long, also those of a shutdown.
        config.set("socket.timeout.ms", "10000");
        for (name, value) in &self.client {
            config.set(name, value);
        }
        // Otherwise an outage of a minute would leave the client waiting for ten seconds afterwards.
        config.set("reconnect.backoff.max.ms", "1000");
        // A topic that a broker creates by itself has the broker's defaults.
        config.set("allow.auto.create.topics", "false");
        config
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.base()
    }

    /// A record is confirmed when all replicas that are in sync have it. The producer is not idempotent:
    /// `Once` removes the copy that a repeated request leaves, while brokers can refuse an idempotent producer
    /// for ever after they were killed, or have lost records.
    pub(super) fn producer(&self, limit: Limit) -> ClientConfig {
        let mut config = self.base();
        config
            .set("acks", "all")
            .set("linger.ms", "2")
            // The same partition as a Java client chooses.
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", limit.record.to_string())
            // A broker refuses a larger batch, with all that is in it.
            .set("batch.size", limit.batch.to_string())
            // Otherwise the client would store a record that the sender has long been refused for.
            .set("message.timeout.ms", millis(self.timeout).to_string());
        config
    }

    /// Offsets are committed by the worker alone. A group without an offset starts with the oldest entry:
    /// with the newest, all others would be lost.
    pub(super) fn consumer(&self) -> ClientConfig {
        let session = millis(self.session).max(3);
        let mut config = self.base();
        config
            .set("group.id", &self.topic)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session.to_string())
            .set("heartbeat.interval.ms", (session / 3).min(3_000).to_string())
            .set("max.poll.interval.ms", session.max(300_000).to_string())
            .set("queued.max.messages.kbytes", AHEAD_KIB);
        config
    }

    /// For a reader of whole topics, which is in no group.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", format!("{}.reader", self.topic))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            // A broker tells the end of a partition after this time.
            .set("fetch.wait.max.ms", "50")
            .set("queued.max.messages.kbytes", AHEAD_KIB);
        config
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    // The largest that brokers take.
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::KafkaOptions;

    fn options() -> KafkaOptions {
        KafkaOptions::new("127.0.0.1", "tickets").expect("a name")
    }

    #[test]
    fn a_receiver_leaves_room_for_what_a_worker_adds() {
        let limits = |limit| {
            let config = options().producer(limit);
            ["message.max.bytes", "batch.size"].map(|name| config.get(name).map(str::to_owned))
        };
        let some = |values: [&str; 2]| values.map(|value| Some(value.to_owned()));
        assert_eq!(limits(Limit::of_entries(4_194_304)), some(["4193280", "1000000"]));
        assert_eq!(limits(Limit::of_copies(4_194_304)), some(["1000000000", "1000000"]));
        assert_eq!(limits(Limit::of_entries(2_100)), some(["1076", "1076"]));
        assert_eq!(limits(Limit::of_copies(2_100)), some(["1000000000", "1076"]));
        assert_eq!(limits(Limit::of_entries(0)), some(["1000", "1000"]));
    }

    #[test]
    fn a_silent_broker_is_given_up_after_ten_seconds_or_as_the_user_says() {
        let timeout =
            |options: &KafkaOptions| options.consumer().get("socket.timeout.ms").map(str::to_owned);
        assert_eq!(timeout(&options()).as_deref(), Some("10000"));
        let other = options().client("socket.timeout.ms", "20000").expect("a setting");
        assert_eq!(timeout(&other).as_deref(), Some("20000"));
    }
}
