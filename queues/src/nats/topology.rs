//! The streams and the consumer, and how they are configured. This is the configuration that loses nothing.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
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

impl NatsOptions {
    pub(super) fn dead(&self) -> String {
        format!("{}-dead", self.name)
    }

    /// Creates the streams, or checks those that exist. Returns the one of the dead letters.
    pub(super) async fn declare(&self, context: &Context) -> Result<Stream, NatsError> {
        let entries = Config { retention: RetentionPolicy::WorkQueue, ..self.stream(&self.name) };
        declare(context, entries).await?;
        let window = match self.dead_letters_for {
            Duration::ZERO => DUPLICATE_WINDOW,
            time => time.min(DUPLICATE_WINDOW),
        };
        let dead = Config {
            max_age: self.dead_letters_for,
            duplicate_window: window,
            ..self.stream(&self.dead())
        };
        declare(context, dead).await
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
        match self.consumer_fault(&consumer.cached_info().config) {
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

    fn consumer_fault(&self, found: &async_nats::jetstream::consumer::Config) -> Option<String> {
        first_of([
            (found.ack_policy != AckPolicy::Explicit, "ack_policy must be explicit".to_owned()),
            // The server would stop delivering an entry, and keep it for ever.
            (found.max_deliver > 0, "max_deliver must be -1".to_owned()),
            // Entries that wait for their next attempt count, and would hold up all others.
            (found.max_ack_pending > 0, "max_ack_pending must be -1".to_owned()),
            (!found.filter_subject.is_empty(), "filter_subject must be empty".to_owned()),
            (found.deliver_policy != DeliverPolicy::All, "deliver_policy must be all".to_owned()),
            (found.headers_only, "headers_only must be off".to_owned()),
            (!found.backoff.is_empty(), "backoff must be empty".to_owned()),
            (
                found.ack_wait != self.ack_wait,
                format!(
                    "ack_wait is {:?} instead of {:?}: use the same options everywhere, or edit the consumer",
                    found.ack_wait, self.ack_wait
                ),
            ),
        ])
    }
}

async fn declare(context: &Context, wanted: Config) -> Result<Stream, NatsError> {
    let what = format!("stream `{}`", wanted.name);
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
    match fault(&stream.cached_info().config, &wanted) {
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

/// How a stream that exists would lose entries, or differs from the options.
fn fault(found: &Config, wanted: &Config) -> Option<String> {
    let entries_are_dropped = found.max_messages_per_subject > 0 && !found.discard_new_per_subject;
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
            found.max_age != wanted.max_age,
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
            found.persist_mode == Some(PersistenceMode::Async),
            "persist_mode must be default: the server would confirm what it has not written".to_owned(),
        ),
        (
            found.num_replicas < wanted.num_replicas,
            format!("it has {} replicas of {}", found.num_replicas, wanted.num_replicas),
        ),
        (
            !wanted.subjects.iter().all(|subject| found.subjects.contains(subject)),
            format!("its subjects must contain `{}`", wanted.name),
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
        format!("{} s", time.as_secs_f64())
    }
}
