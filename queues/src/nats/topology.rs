//! The streams and the consumer, and how they are configured. This is the configuration that loses nothing.

use std::time::Duration;

use async_nats::jetstream::consumer::{
    self, AckPolicy, DeliverPolicy, PriorityPolicy, PullConsumer, ReplayPolicy, pull,
};
use async_nats::jetstream::context::{
    Context, CreateStreamErrorKind, GetStreamErrorKind, RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType, Stream,
};

use super::error::one_line;
use super::{NatsError, NatsOptions};

const CONSUMER: &str = "worker";
/// For how long the server recognises a message that is moved twice. Also the server's default.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
const UNLIMITED: i64 = -1;
/// The first server that counts all bytes of a message before it takes the message. An older one takes it, and
/// then deletes the oldest entry to keep to `max_bytes`, whatever `discard` is.
const COUNTS_BYTES: [u32; 3] = [2, 10, 6];
/// How long the server may keep a worker's request for entries.
pub(super) const REQUEST: Duration = Duration::from_secs(5);

/// The streams, which were found good.
pub(super) struct Declared {
    pub(super) dead: Stream,
    /// The most bytes of a message in the stream of the entries, if it has a limit of its own.
    pub(super) largest: Option<usize>,
}

impl NatsOptions {
    pub(super) fn dead(&self) -> String {
        format!("{}-dead", self.name)
    }

    /// Creates the streams, or checks those that exist.
    pub(super) async fn declare(&self, context: &Context) -> Result<Declared, NatsError> {
        let entries = Config { retention: RetentionPolicy::WorkQueue, ..self.stream(&self.name) };
        let entries = declare(context, entries).await?;
        let largest = largest(&entries.cached_info().config);
        let window = match self.dead_letters_for {
            Duration::ZERO => DUPLICATE_WINDOW,
            time => time.min(DUPLICATE_WINDOW),
        };
        let dead = Config {
            max_age: self.dead_letters_for,
            duplicate_window: window,
            ..self.stream(&self.dead())
        };
        let dead = declare(context, dead).await?;
        match size_fault(&dead.cached_info().config, largest) {
            None => Ok(Declared { dead, largest }),
            Some(detail) => Err(NatsError::OtherConfiguration { what: what(&self.dead()), detail }),
        }
    }

    fn stream(&self, name: &str) -> Config {
        Config {
            name: name.to_owned(),
            subjects: vec![name.to_owned()],
            storage: StorageType::File,
            // By default a full stream drops its oldest message.
            discard: DiscardPolicy::New,
            num_replicas: self.replicas,
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        }
    }

    /// Creates the workers' consumer, or checks the one that exists.
    pub(super) async fn consumer(&self, context: &Context) -> Result<PullConsumer, NatsError> {
        let what = || format!("consumer `{CONSUMER}` of the stream `{}`", self.name);
        let stream = context.get_stream_no_info(&self.name).await;
        let stream = stream.map_err(|error| NatsError::server(&error))?;
        let created = stream.get_or_create_consumer(CONSUMER, self.consumer_config()).await;
        let consumer: PullConsumer = created
            .map_err(|error| NatsError::NotCreated { what: what(), detail: one_line(&error) })?;
        let info = consumer.cached_info();
        match self.consumer_fault(&info.config, info.paused) {
            None => Ok(consumer),
            Some(detail) => Err(NatsError::OtherConfiguration { what: what(), detail }),
        }
    }

    fn consumer_config(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_deliver: UNLIMITED,
            max_ack_pending: UNLIMITED,
            ..pull::Config::default()
        }
    }

    /// How a consumer that exists would lose entries or hold them up.
    fn consumer_fault(&self, found: &consumer::Config, is_paused: bool) -> Option<String> {
        let too_few = found.max_batch > 0
            && usize::try_from(found.max_batch).is_ok_and(|most| most < self.concurrency.into());
        let too_short = !found.max_expires.is_zero() && found.max_expires < REQUEST;
        first_of([
            (found.ack_policy != AckPolicy::Explicit, "ack_policy must be explicit".to_owned()),
            // The server would stop delivering an entry, and keep it for ever.
            (found.max_deliver > 0, "max_deliver must be -1".to_owned()),
            // Entries that wait for their next attempt count, and would hold up all others.
            (found.max_ack_pending > 0, "max_ack_pending must be -1".to_owned()),
            (!found.filter_subject.is_empty(), "filter_subject must be empty".to_owned()),
            (!found.filter_subjects.is_empty(), "filter_subjects must be empty".to_owned()),
            (found.deliver_policy != DeliverPolicy::All, "deliver_policy must be all".to_owned()),
            (found.headers_only, "headers_only must be off".to_owned()),
            (!found.backoff.is_empty(), "backoff must be empty".to_owned()),
            (
                found.replay_policy != ReplayPolicy::Instant,
                "replay_policy must be instant".to_owned(),
            ),
            (
                found.priority_policy != PriorityPolicy::None,
                "priority_policy must be none: the server would refuse each request for entries"
                    .to_owned(),
            ),
            (
                too_few,
                format!(
                    "max_batch must be 0 or at least the concurrency of {}: the server would refuse each \
                    request for entries",
                    self.concurrency
                ),
            ),
            (
                too_short,
                format!(
                    "max_expires must be 0 or at least {REQUEST:?}: the server would refuse each request for \
                    entries"
                ),
            ),
            (is_paused, "it is paused, and delivers nothing: resume it".to_owned()),
            (
                found.ack_wait < self.ack_wait,
                format!(
                    "ack_wait must be at least {:?}, and is {:?}: edit the consumer",
                    self.ack_wait, found.ack_wait
                ),
            ),
        ])
    }
}

async fn declare(context: &Context, wanted: Config) -> Result<Stream, NatsError> {
    let what = what(&wanted.name);
    let stream = match context.get_stream(&wanted.name).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal) if refusal.code() == 404 => {
                create(context, &wanted, &what).await?
            }
            _ if is_without_responders(&error) => return Err(NatsError::NoJetStream),
            _ => return Err(NatsError::server(&error)),
        },
    };
    let found = &stream.cached_info().config;
    let version = context.client().server_info().version;
    match fault(found, &wanted).or_else(|| bytes_fault(found, &version)) {
        None => Ok(stream),
        Some(detail) => Err(NatsError::OtherConfiguration { what, detail }),
    }
}

async fn create(context: &Context, wanted: &Config, what: &str) -> Result<Stream, NatsError> {
    context.create_stream(wanted).await.map_err(|error| match error.kind() {
        CreateStreamErrorKind::JetStreamUnavailable => NatsError::NoJetStream,
        _ => NatsError::NotCreated { what: what.to_owned(), detail: one_line(&error) },
    })
}

fn is_without_responders(error: &(dyn std::error::Error + 'static)) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<async_nats::jetstream::context::RequestError>());
    source.is_some_and(|source| source.kind() == RequestErrorKind::NoResponders)
}

fn what(stream: &str) -> String {
    format!("stream `{stream}`")
}

fn largest(found: &Config) -> Option<usize> {
    usize::try_from(found.max_message_size).ok().filter(|most| *most > 0)
}

/// An entry that fits nowhere as a dead letter could never leave its stream.
fn size_fault(dead: &Config, entries: Option<usize>) -> Option<String> {
    let most = largest(dead)?;
    match entries {
        Some(entries) if entries <= most => None,
        Some(entries) => Some(format!(
            "max_msg_size must be -1 or at least that of the stream of the entries, {entries}, and is {most}"
        )),
        None => Some("max_msg_size must be -1, as that of the stream of the entries".to_owned()),
    }
}

/// How a full stream would lose entries on a server of this version.
fn bytes_fault(found: &Config, version: &str) -> Option<String> {
    let numbers = numbers(version);
    let [major, minor, patch] = numbers;
    (found.max_bytes > 0 && numbers < COUNTS_BYTES).then(|| {
        format!(
            "max_bytes must be -1: NATS {major}.{minor}.{patch} drops the oldest entry of a stream with that \
            limit, and only 2.10.6 or later refuses the new one"
        )
    })
}

/// The numbers of a version such as `2.10.6` or `2.11.0-RC.1`. 0 in the place of one that cannot be read.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    [(); 3].map(|()| numbers.next().and_then(Result::ok).unwrap_or_default())
}

/// How a stream that exists would lose entries, or differs from the options.
fn fault(found: &Config, wanted: &Config) -> Option<String> {
    let entries_are_dropped = found.max_messages_per_subject > 0 && !found.discard_new_per_subject;
    let expires_too_soon =
        !found.max_age.is_zero() && (wanted.max_age.is_zero() || found.max_age < wanted.max_age);
    first_of([
        (
            found.storage != StorageType::File,
            "storage must be file, and cannot be changed: empty the stream and delete it, or choose \
            another name for the queue"
                .to_owned(),
        ),
        (
            found.retention != wanted.retention,
            format!(
                "retention must be {}, and cannot be changed: empty the stream and delete it, or choose \
                another name for the queue",
                name_of(wanted.retention)
            ),
        ),
        (
            found.discard != DiscardPolicy::New,
            "discard must be new: a full stream would drop its oldest entry".to_owned(),
        ),
        (
            expires_too_soon,
            format!("max_age must be {}: edit the stream", age(wanted.max_age)),
        ),
        (
            entries_are_dropped,
            "max_msgs_per_subject must be -1: the stream would drop its oldest entry".to_owned(),
        ),
        (found.no_ack, "no_ack must be off: the server would confirm nothing".to_owned()),
        (found.sealed, "it is sealed, and takes no messages".to_owned()),
        (found.mirror.is_some(), "it is a mirror, and takes no messages".to_owned()),
        (
            found.deny_delete,
            "deny_delete must be off, and cannot be changed: empty the stream and delete it, or choose \
            another name for the queue"
                .to_owned(),
        ),
        (
            found.sources.as_ref().is_some_and(|sources| !sources.is_empty()),
            "sources must be empty: messages of others would become dead letters".to_owned(),
        ),
        (
            found.persist_mode == Some(PersistenceMode::Async),
            "persist_mode must be default: the server would confirm what it has not written".to_owned(),
        ),
        (
            found.num_replicas < wanted.num_replicas,
            format!("it has {} replicas of {}", found.num_replicas, wanted.num_replicas),
        ),
        (
            found.subjects != wanted.subjects,
            format!("its only subject must be `{}`", wanted.name),
        ),
    ])
}

fn first_of(faults: impl IntoIterator<Item = (bool, String)>) -> Option<String> {
    faults.into_iter().find_map(|(is_so, text)| is_so.then_some(text))
}

fn name_of(retention: RetentionPolicy) -> &'static str {
    match retention {
        RetentionPolicy::WorkQueue => "workqueue",
        RetentionPolicy::Limits => "limits",
        RetentionPolicy::Interest => "interest",
    }
}

fn age(time: Duration) -> String {
    if time.is_zero() {
        "0, which means for ever".to_owned()
    } else {
        format!("0 or at least {} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::Source;

    use super::*;

    type Edit<'a> = &'a dyn Fn(&mut consumer::Config);

    fn is_refused(edit: impl Fn(&mut Config), because: &str) {
        let options = NatsOptions::new("nats://host", "tickets").expect("a URL");
        let wanted = options.stream("tickets");
        let mut found = wanted.clone();
        assert_eq!(fault(&found, &wanted), None);
        edit(&mut found);
        let text = fault(&found, &wanted).expect("a fault");
        assert!(text.contains(because), "{text}");
    }

    #[test]
    fn streams_that_stop_entries_are_refused() {
        is_refused(|found| found.sealed = true, "sealed");
        is_refused(|found| found.mirror = Some(Source::default()), "mirror");
        is_refused(|found| found.sources = Some(vec![Source::default()]), "sources");
        is_refused(|found| found.deny_delete = true, "deny_delete");
        is_refused(|found| found.persist_mode = Some(PersistenceMode::Async), "persist_mode");
        is_refused(|found| found.subjects.push("others".to_owned()), "only subject");
        is_refused(|found| found.num_replicas = 0, "replicas");
    }

    #[test]
    fn dead_letters_may_be_kept_longer_than_the_option_says() {
        let options = NatsOptions::new("nats://host", "tickets").expect("a URL");
        let aged = |seconds| Config {
            max_age: Duration::from_secs(seconds),
            ..options.stream("tickets-dead")
        };
        for (found, wanted, is_good) in
            [(0, 0, true), (0, 9, true), (9, 9, true), (10, 9, true), (8, 9, false), (9, 0, false)]
        {
            assert_eq!(fault(&aged(found), &aged(wanted)).is_none(), is_good, "{found} {wanted}");
        }
    }

    #[test]
    fn dead_letters_must_have_room_for_every_entry() {
        let sized = |most| Config { max_message_size: most, ..Config::default() };
        for (dead, entries, is_good) in [
            (-1, -1, true),
            (-1, 100, true),
            (100, 100, true),
            (0, 0, true),
            (99, 100, false),
            (100, -1, false),
        ] {
            let found = size_fault(&sized(dead), largest(&sized(entries)));
            assert_eq!(found.is_none(), is_good, "{dead} {entries}");
        }
    }

    #[test]
    fn a_limit_in_bytes_needs_a_server_that_counts_them() {
        let limited = |most| Config { max_bytes: most, ..Config::default() };
        for (version, is_good) in [
            ("2.9.10", false),
            ("2.10.4", false),
            ("2.10.6", true),
            ("2.10.22", true),
            ("2.11.0-RC.1", true),
            ("3.0.0", true),
            ("", false),
            ("2", false),
        ] {
            assert_eq!(bytes_fault(&limited(1_000), version).is_none(), is_good, "{version}");
            for unlimited in [-1, 0] {
                assert_eq!(bytes_fault(&limited(unlimited), version), None);
            }
        }
    }

    #[test]
    fn consumers_that_stop_entries_are_refused() {
        let options = NatsOptions::new("nats://host", "tickets").expect("a URL").concurrency(10);
        let good = || consumer::Config {
            ack_wait: options.ack_wait,
            max_deliver: UNLIMITED,
            max_ack_pending: UNLIMITED,
            ack_policy: AckPolicy::Explicit,
            ..consumer::Config::default()
        };
        let fault = |edit: Edit<'_>| {
            let mut found = good();
            edit(&mut found);
            options.consumer_fault(&found, false).unwrap_or_default()
        };
        assert_eq!(fault(&|_| {}), "");
        assert_eq!(fault(&|found| found.max_batch = 10), "");
        assert_eq!(fault(&|found| found.max_expires = REQUEST), "");
        assert_eq!(fault(&|found| found.ack_wait += REQUEST), "");
        let paused = options.consumer_fault(&good(), true).expect("a fault");
        assert!(paused.contains("paused"), "{paused}");
        let edits: [(Edit<'_>, &str); 11] = [
            (&|found| found.filter_subjects = vec!["a".to_owned()], "filter_subjects"),
            (&|found| found.filter_subject = "a".to_owned(), "filter_subject"),
            (&|found| found.max_batch = 9, "max_batch"),
            (&|found| found.max_expires = Duration::from_secs(1), "max_expires"),
            (&|found| found.ack_wait /= 2, "ack_wait"),
            (&|found| found.priority_policy = PriorityPolicy::Overflow, "priority_policy"),
            (&|found| found.replay_policy = ReplayPolicy::Original, "replay_policy"),
            (&|found| found.deliver_policy = DeliverPolicy::New, "deliver_policy"),
            (&|found| found.ack_policy = AckPolicy::None, "ack_policy"),
            (&|found| found.backoff = vec![REQUEST], "backoff"),
            (&|found| found.headers_only = true, "headers_only"),
        ];
        for (edit, because) in edits {
            assert!(fault(edit).starts_with(because), "{because}");
        }
    }
}
