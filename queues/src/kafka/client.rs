//! The settings of the client, on which the promises rest.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::KafkaOptions;

/// How many bytes of records the client fetches ahead. Its default of 64 MiB is per worker, too.
const AHEAD_KIB: &str = "16384";

impl KafkaOptions {
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", &self.topic).set("bootstrap.servers", &self.brokers);
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
    pub(super) fn producer(&self, largest: usize) -> ClientConfig {
        let mut config = self.base();
        config
            .set("acks", "all")
            .set("linger.ms", "2")
            // The same partition as a Java client chooses.
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", largest.to_string())
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
