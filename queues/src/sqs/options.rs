use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::config::Config;
use nevent_webhooks::queue::Envelope;

use super::SqsError;
use crate::RetryPolicy;

/// The client, the queue and its settings, the same for receivers, workers and tools.
///
/// ```
/// use aws_config::{BehaviorVersion, Region, SdkConfig};
/// use nevent_webhooks_queues::sqs::SqsOptions;
///
/// # fn main() -> Result<(), nevent_webhooks_queues::sqs::SqsError> {
/// // As a rule: `aws_config::load_defaults(BehaviorVersion::latest()).await`.
/// let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// let options = SqsOptions::new(&aws, "tickets")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct SqsOptions {
    pub(super) config: Config,
    /// A name or a URL.
    pub(super) queue: String,
    pub(super) retry: RetryPolicy,
    pub(super) concurrency: u16,
    pub(super) visibility: Duration,
    pub(super) timeout: Duration,
    pub(super) recheck: Duration,
    pub(super) least_retention: Duration,
    pub(super) group: Option<Group>,
}

/// The group of an entry in a FIFO queue.
pub(super) type Group = Arc<dyn Fn(&Envelope) -> String + Send + Sync>;

/// The longest retention and the longest visibility timeout that SQS has.
pub(super) const LONGEST_RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);
pub(super) const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

impl SqsOptions {
    /// Creates the default options for this queue, which is its name or its URL.
    ///
    /// The configuration is an `&SdkConfig` of the crate `aws-config`, or that of a client that you have:
    /// `client.config().clone()`. It brings region, credentials and HTTP client. Timeouts and retries are
    /// those of these options.
    ///
    /// # Errors
    ///
    /// [`SqsError::Name`].
    pub fn new(config: impl Into<Config>, queue: &str) -> Result<Self, SqsError> {
        if !queue.contains("://") && !is_name(queue) {
            return Err(SqsError::Name);
        }
        Ok(Self {
            config: config.into(),
            queue: queue.to_owned(),
            retry: RetryPolicy::new(),
            concurrency: 16,
            visibility: Duration::from_secs(60),
            timeout: Duration::from_secs(4),
            recheck: Duration::from_secs(5 * 60),
            least_retention: LONGEST_RETENTION,
            group: None,
        })
    }

    /// Sets when a worker tries an entry again. See [`RetryPolicy`] for the default. SQS counts in whole
    /// seconds, so the delays are rounded up. In a FIFO queue none is longer than 11 h.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many entries a worker handles at a time. 16 by default, at least 1.
    pub fn concurrency(mut self, entries: u16) -> Self {
        self.concurrency = entries.max(1);
        self
    }

    /// Sets how long an entry stays with a worker that has vanished. 60 s by default, in whole seconds from
    /// 2 s to 12 h. The queue's own `VisibilityTimeout` is not used.
    ///
    /// A living worker extends it after each third of this time, up to 12 h. So it should be several times as
    /// long as [`SqsOptions::timeout`].
    pub fn visibility(mut self, time: Duration) -> Self {
        self.visibility = time.clamp(Duration::from_secs(2), LONGEST_VISIBILITY);
        self
    }

    /// Sets how long a request may take, the client's two retries included. 4 s by default. A single try may
    /// take half of it. It should be shorter than
    /// `HandOver::put_timeout`. A worker that sends a copy of an entry waits four times as long: nobody waits for
    /// it, and a request that is given up may be carried out.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often the configuration of the queues is checked again. 5 minutes by default, at least
    /// 1 s.
    pub fn recheck(mut self, interval: Duration) -> Self {
        self.recheck = interval.max(Duration::from_secs(1));
        self
    }

    /// Sets the group of each entry in a FIFO queue. By default, each event is a group of its own, and so
    /// no entry blocks another one.
    ///
    /// SQS delivers no other entry of a group while one is in flight or waits for its retry. A text that SQS
    /// does not take as a group is replaced by its SHA-256.
    pub fn group(mut self, of: impl Fn(&Envelope) -> String + Send + Sync + 'static) -> Self {
        self.group = Some(Arc::new(of));
        self
    }

    /// Accepts queues that keep messages for less than 14 days, but at least for this time. The dead-letter
    /// queue must never keep them for less time than the queue.
    ///
    /// **SQS deletes every message that is older, handled or not.** If your workers do not run for so long,
    /// entries are lost, and dead letters that nobody has replayed by then are lost.
    pub fn dangerously_accept_retention(mut self, least: Duration) -> Self {
        self.least_retention = least.min(LONGEST_RETENTION);
        self
    }
}

impl SqsOptions {
    /// The queue's name, also if its URL is given, which has the account's number in it.
    pub(super) fn name(&self) -> &str {
        self.queue.rsplit('/').next().unwrap_or(&self.queue)
    }
}

pub(super) fn is_name(name: &str) -> bool {
    let plain = name.strip_suffix(".fifo").unwrap_or(name);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !plain.is_empty() && name.len() <= 80 && plain.bytes().all(is_allowed)
}

/// Without the client's configuration, which may have credentials.
impl fmt::Debug for SqsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsOptions")
            .field("queue", &self.queue)
            .field("retry", &self.retry)
            .field("concurrency", &self.concurrency)
            .field("visibility", &self.visibility)
            .field("timeout", &self.timeout)
            .field("recheck", &self.recheck)
            .field("least_retention", &self.least_retention)
            .finish_non_exhaustive()
    }
}
