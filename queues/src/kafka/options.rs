use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::queue::Envelope;

use super::KafkaError;
use crate::RetryPolicy;

/// The brokers, the topic and its settings. Receivers, workers and tools must have the same.
///
/// ```
/// use nevent_webhooks_queues::kafka::KafkaOptions;
///
/// # fn main() -> Result<(), nevent_webhooks_queues::kafka::KafkaError> {
/// let options = KafkaOptions::new("kafka-1:9092,kafka-2:9092,kafka-3:9092", "tickets")?
///     .client("security.protocol", "sasl_plaintext")?
///     .client("sasl.mechanisms", "PLAIN")?
///     .client("sasl.username", "tickets")?
///     .client("sasl.password", "secret")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct KafkaOptions {
    pub(super) brokers: String,
    pub(super) topic: String,
    pub(super) client: Vec<(String, String)>,
    pub(super) key: Key,
    pub(super) retry: RetryPolicy,
    pub(super) concurrency: usize,
    pub(super) delivery_limit: u32,
    pub(super) kept_for: Duration,
    pub(super) once_remembers: Duration,
    pub(super) dead_letters_for: Duration,
    pub(super) partitions: i32,
    pub(super) session: Duration,
    pub(super) timeout: Duration,
    pub(super) is_replicated: bool,
    pub(super) is_checked: bool,
}

type Key = Arc<dyn Fn(&Envelope) -> String + Send + Sync>;

/// Settings of the connection alone. Any other could undo what the engine promises.
const CONNECTION: [&str; 7] =
    ["security.", "sasl.", "ssl.", "enable.ssl.", "socket.", "broker.address.", "client.rack"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl KafkaOptions {
    /// Creates the default options for these brokers, as `host:port` separated by commas, and this name of
    /// a topic.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Name`].
    pub fn new(brokers: &str, topic: &str) -> Result<Self, KafkaError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_name = (1..=200).contains(&topic.len()) && topic.chars().all(is_allowed);
        if !is_name || topic.chars().all(|c| c == '.') {
            return Err(KafkaError::Name);
        }
        Ok(Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            client: Vec::new(),
            key: Arc::new(|envelope| envelope.id().as_str().to_owned()),
            retry: RetryPolicy::new(),
            concurrency: 16,
            delivery_limit: 50,
            kept_for: DAY * 14,
            once_remembers: DAY * 31,
            dead_letters_for: DAY * 30,
            partitions: 3,
            session: Duration::from_secs(10),
            timeout: Duration::from_secs(4),
            is_replicated: true,
            is_checked: true,
        })
    }

    /// Sets a setting of the client, librdkafka, that concerns the connection: one that begins with
    /// `security.`, `sasl.`, `ssl.`, `enable.ssl.`, `socket.`, `broker.address.` or `client.rack`. TLS and
    /// SCRAM need the feature `kafka-tls`. The default of `socket.timeout.ms` is 10,000 here: a broker that is
    /// silent holds up each request for so long.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Setting`] for any other.
    pub fn client(mut self, name: &str, value: &str) -> Result<Self, KafkaError> {
        if !CONNECTION.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(KafkaError::Setting(super::error::one_line(name)));
        }
        self.client.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// Sets the key of an entry's record. The id of the event by default. Entries with the same key are in
    /// the same partition. Their order is not promised: failed entries are tried again later.
    pub fn key(mut self, key: impl Fn(&Envelope) -> String + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// Sets when a worker tries an entry again. See [`RetryPolicy`] for the default. Each delay has a
    /// topic.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many entries a worker handles at a time. 16 by default, at least 1.
    pub fn concurrency(mut self, entries: u16) -> Self {
        self.concurrency = entries.max(1).into();
        self
    }

    /// Sets how often a worker may vanish with an entry. Then the entry is a dead letter. 50 by default.
    ///
    /// It ends the loop of an entry that kills its worker. After a worker has vanished, the entries that it
    /// may have had are handled one after the other, so that the one that kills can be told.
    pub fn delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }

    /// Sets how long Kafka must keep an entry: the topics' least `retention.ms`, with which they are
    /// created. 14 days by default, and not more than [`KafkaOptions::once_remembers`] less a day and the
    /// longest delay.
    ///
    /// **Kafka deletes an entry at this age even if no worker has taken it.** It is also how long an entry
    /// that is done is kept: Kafka cannot delete a single record.
    pub fn kept_for(mut self, time: Duration) -> Self {
        self.kept_for = time;
        self
    }

    /// Sets how long the workers' [`Once`](nevent_webhooks::queue::Once) remembers that an entry is done: its
    /// retention, which is 31 days by default, as here.
    ///
    /// A topic that keeps entries for longer is refused. A group that loses its offsets begins with the
    /// oldest entry, and an entry that `Once` no longer remembers is handled again. The topic keeps an entry
    /// for up to `segment.ms`, a day, longer than [`KafkaOptions::kept_for`].
    pub fn once_remembers(mut self, time: Duration) -> Self {
        self.once_remembers = time;
        self
    }

    /// Sets how long dead letters are kept. 30 days by default. **Then they are lost.**
    pub fn dead_letters_for(mut self, time: Duration) -> Self {
        self.dead_letters_for = time;
        self
    }

    /// Sets how many partitions a topic has that this creates. 3 by default, at least 1.
    ///
    /// Each partition, also of a retry topic, is read by one worker at a time, so no more workers than these
    /// get entries of one topic. A topic that exists keeps its partitions.
    pub fn partitions(mut self, partitions: u16) -> Self {
        self.partitions = partitions.max(1).into();
        self
    }

    /// Sets the time after which the group gives the partitions of a worker that is silent to another. 10 s
    /// by default. Brokers have limits: 6 s to 30 min by default.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session = timeout;
        self
    }

    /// Sets how long to wait for a broker, and for the confirmation of a record. 4 s by default, which is
    /// less than the `put_timeout` of its `HandOver`. At least 1 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_secs(1));
        self
    }

    /// Accepts topics with one replica, and creates them so. **The disk of one broker is then all that
    /// holds an entry**, and Kafka confirms a record before it is on that disk. For a development machine.
    pub fn dangerously_unreplicated(mut self) -> Self {
        self.is_replicated = false;
        self
    }

    /// Neither checks nor creates topics, for users that may not describe them. **A topic that loses
    /// entries is then not noticed.**
    pub fn dangerously_unchecked(mut self) -> Self {
        self.is_checked = false;
        self
    }
}

/// Without the client's settings, which have a password.
impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaOptions")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("retry", &self.retry)
            .field("concurrency", &self.concurrency)
            .field("delivery_limit", &self.delivery_limit)
            .field("kept_for", &self.kept_for)
            .field("once_remembers", &self.once_remembers)
            .field("dead_letters_for", &self.dead_letters_for)
            .field("partitions", &self.partitions)
            .field("session_timeout", &self.session)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
