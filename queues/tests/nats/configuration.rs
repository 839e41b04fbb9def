//! Configurations that are refused, and what the error says.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use nevent_webhooks_queues::nats::{NatsError, NatsOptions, NatsQueue, NatsWorker};
use nevent_webhooks_queues::{RetryPolicy, Select};

use crate::broker::Broker;
use crate::engine::{Dead, Work, sender};
use crate::support::eventually;
use crate::support::ports::free_port;
use crate::support::sender::Sent;

async fn refusal(options: &NatsOptions) -> NatsError {
    one_line(NatsQueue::connect(options).await.expect_err("a refusal"))
}

fn one_line(error: NatsError) -> NatsError {
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hidden"), "{text}");
    error
}

fn good(name: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![name.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        ..Config::default()
    }
}

async fn is_refused(broker: &Broker, stream: Config, because: &str) {
    let name = stream.name.clone();
    broker.context().await.create_stream(stream).await.expect("a stream");
    let error = refusal(&broker.options(name.strip_suffix("-dead").unwrap_or(&name))).await;
    assert!(matches!(error, NatsError::OtherConfiguration { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("the stream `{name}` has another configuration: ")),
        "{text}"
    );
    assert!(text.contains(because), "{text}");
}

#[tokio::test]
async fn streams_that_would_lose_entries_are_refused() {
    let broker = Broker::shared().await;
    let memory = Config { storage: StorageType::Memory, ..good("memory") };
    is_refused(&broker, memory, "storage must be file").await;
    let limits = Config { retention: RetentionPolicy::Limits, ..good("limits") };
    is_refused(&broker, limits, "retention must be workqueue").await;
    let old = Config { discard: DiscardPolicy::Old, ..good("old") };
    is_refused(&broker, old, "discard must be new").await;
    let ages = Config { max_age: Duration::from_secs(3_600), ..good("ages") };
    is_refused(&broker, ages, "max_age must be 0").await;
    let one = Config { max_messages_per_subject: 1, ..good("one") };
    is_refused(&broker, one, "max_msgs_per_subject must be -1").await;
    let silent = Config { no_ack: true, ..good("silent") };
    is_refused(&broker, silent, "no_ack must be off").await;
    let other = Config { subjects: vec!["another".to_owned()], ..good("other") };
    is_refused(&broker, other, "its only subject must be `other`").await;
    let more = Config { subjects: vec!["more".to_owned(), "others".to_owned()], ..good("more") };
    is_refused(&broker, more, "its only subject must be `more`").await;
    let kept = Config { deny_delete: true, ..good("kept") };
    is_refused(&broker, kept, "deny_delete must be off").await;
    let bin = Config {
        discard: DiscardPolicy::Old,
        retention: RetentionPolicy::Limits,
        ..good("bin-dead")
    };
    is_refused(&broker, bin, "discard must be new").await;
    let tight =
        Config { max_message_size: 4096, retention: RetentionPolicy::Limits, ..good("tight-dead") };
    is_refused(&broker, tight, "max_msg_size must be -1").await;
}

#[tokio::test]
async fn a_stream_with_limits_that_refuse_is_accepted() {
    let broker = Broker::shared().await;
    let limited = Config { max_messages: 1_000, max_message_size: 1 << 16, ..good("limited") };
    broker.context().await.create_stream(limited).await.expect("a stream");
    NatsQueue::connect(&broker.options("limited")).await.expect("a queue");
}

/// An older server drops the oldest entry of a stream that has reached it.
#[tokio::test]
async fn a_limit_in_bytes_is_refused_with_a_server_older_than_2_10_6() {
    let broker = Broker::shared().await;
    let limited = Config { max_bytes: 1 << 20, ..good("limited-bytes") };
    if broker.context().await.client().is_server_compatible(2, 10, 6) {
        broker.context().await.create_stream(limited).await.expect("a stream");
        NatsQueue::connect(&broker.options("limited-bytes")).await.expect("a queue");
    } else {
        is_refused(&broker, limited, "max_bytes must be -1").await;
    }
}

#[tokio::test]
async fn consumers_that_would_lose_or_hold_up_entries_are_refused() {
    let broker = Broker::shared().await;
    let consumer = || pull::Config {
        durable_name: Some("worker".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(1),
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let limited = pull::Config { max_deliver: 5, ..consumer() };
    let narrow = pull::Config { max_ack_pending: 10, ..consumer() };
    let hasty = pull::Config { ack_wait: Duration::from_millis(500), ..consumer() };
    let few = pull::Config { max_batch: 15, ..consumer() };
    for (name, config, because) in [
        ("limited-worker", limited, "max_deliver must be -1"),
        ("narrow-worker", narrow, "max_ack_pending must be -1"),
        ("hasty-worker", hasty, "ack_wait must be at least 1s, and is 500ms"),
        ("few-worker", few, "max_batch must be 0 or at least the concurrency of 16"),
    ] {
        let stream = broker.context().await.create_stream(good(name)).await.expect("a stream");
        stream.create_consumer(config).await.expect("a consumer");
        let error = NatsWorker::connect(&broker.options(name)).await.expect_err("a refusal");
        let text = one_line(error).to_string();
        assert!(
            text.starts_with(&format!("the consumer `worker` of the stream `{name}` has")),
            "{text}"
        );
        assert!(text.contains(because), "{text}");
    }
}

/// NATS 2.9 knows neither, and drops them.
#[tokio::test]
async fn consumers_of_newer_servers_that_hold_up_entries_are_refused() {
    let broker = Broker::shared().await;
    let config = pull::Config {
        durable_name: Some("worker".to_owned()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let narrow =
        pull::Config { filter_subjects: vec!["newer-filter".to_owned()], ..config.clone() };
    let until = SystemTime::now() + Duration::from_secs(3_600);
    let paused = pull::Config { pause_until: Some(until.into()), ..config };
    for (name, config, because) in [
        ("newer-filter", narrow, "filter_subjects must be empty"),
        ("newer-pause", paused, "it is paused"),
    ] {
        let stream = broker.context().await.create_stream(good(name)).await.expect("a stream");
        let consumer = stream.create_consumer(config).await.expect("a consumer");
        let info = consumer.cached_info();
        let connected = NatsWorker::connect(&broker.options(name)).await;
        if info.config.filter_subjects.is_empty() && !info.paused {
            connected.expect("a server that does not know the setting");
        } else {
            let text = one_line(connected.expect_err("a refusal")).to_string();
            assert!(text.contains(because), "{text}");
        }
    }
}

#[tokio::test]
async fn other_options_than_those_of_the_streams_are_refused() {
    let broker = Broker::shared().await;
    let options = broker.options("options");
    NatsQueue::connect(&options).await.expect("a broker");
    NatsQueue::connect(&options).await.expect("the same options");
    let shorter = options.clone().dead_letters_for(Duration::from_secs(9));
    NatsQueue::connect(&shorter).await.expect("dead letters that are kept for longer");
    let longer = options.clone().dead_letters_for(Duration::from_secs(9_000_000));
    let text = refusal(&longer).await.to_string();
    assert!(text.ends_with("max_age must be 0 or at least 9000000 s: edit the stream"), "{text}");
    broker.edit("options-dead", |config| config.max_age = Duration::from_secs(9_000_000)).await;
    NatsQueue::connect(&longer).await.expect("the stream was edited");
    let patient = options.clone().ack_wait(Duration::from_secs(7));
    NatsWorker::connect(&patient).await.expect("a worker");
    NatsWorker::connect(&options)
        .await
        .expect("a worker that says more often that it has an entry");
    let text = refusal(&options.replicas(3)).await.to_string();
    assert!(text.ends_with("it has 1 replicas of 3"), "{text}");
    let error = refusal(&broker.options("replicated").replicas(3)).await;
    assert!(matches!(error, NatsError::NotCreated { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_an_error_at_connect() {
    let users = "authorization { users: [{ user: app, password: \"ri@ht\" }] }";
    let broker = Broker::also(users).await;
    let with = |password: &str| format!("nats://app:{password}@127.0.0.1:{}", broker.port);
    NatsQueue::connect(&NatsOptions::new(&with("ri%40ht"), "tickets").expect("a URL"))
        .await
        .expect("the right password");
    let nobody = format!("nats://app:hidden@127.0.0.1:{}", free_port());
    for url in [with("hidden"), nobody] {
        let error = refusal(&NatsOptions::new(&url, "tickets").expect("a URL")).await;
        assert!(matches!(error, NatsError::Unreachable(_)), "{error:?}");
    }
    let bare = Broker::with("").await;
    let error = refusal(&bare.options("tickets")).await;
    assert!(matches!(error, NatsError::NoJetStream), "{error:?}");
}

/// Those of the guide.
#[tokio::test]
async fn users_with_limited_rights_are_enough() {
    let receiver = r#""tickets", "$JS.API.STREAM.INFO.>", "$JS.API.STREAM.CREATE.>""#;
    let worker = format!(r#"{receiver}, "tickets-dead", "$JS.API.>", "$JS.ACK.tickets.>""#);
    let user = |name: &str, rights: &str| {
        format!(
            r#"{{ user: {name}, password: x, permissions: {{ publish: [{rights}], subscribe: "_INBOX.>" }} }}"#
        )
    };
    let users = [user("receiver", receiver), user("worker", &worker)].join(",");
    let broker = Broker::also(&format!("authorization {{ users: [{users}] }}")).await;
    let options = |user: &str| {
        let url = format!("nats://{user}:x@127.0.0.1:{}", broker.port);
        let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
        NatsOptions::new(&url, "tickets").expect("a URL").retry(retry)
    };
    sender(&options("receiver")).await.deliver(&Sent::single(1)).await;
    let work = Work::start(&options("worker"), |attempt| attempt <= 2).await;
    let dead = Dead::of(&options("worker")).await;
    dead.are(1).await;
    assert_eq!(dead.replay(Select::All).await, 1);
    eventually("it is handled", async || work.count() == 3).await;
    work.stop().await;
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let refusal = |url, queue| NatsOptions::new(url, queue).expect_err("a refusal").to_string();
    for url in ["http://app:hidden@host", "nats://app:hidden@[", "ws://host", "", "nats://a,,"] {
        assert!(refusal(url, "tickets").ends_with("write nats://user:password@host:4222"), "{url}");
    }
    for queue in ["", "a.b", "a b", "a*", "a>", "\u{e4}"] {
        assert!(refusal("127.0.0.1", queue).starts_with("the name of the queue must have"));
    }
    assert!(NatsOptions::new("nats://one:4222, nats://two", "tickets").is_ok());
    assert_eq!(NatsOptions::new("tls://host", "tickets").is_ok(), cfg!(feature = "nats-tls"));
    for urls in ["tls://one,nats://two", "nats://one,tls://two", "tls://one,two"] {
        assert!(refusal(urls, "tickets").contains("write tls:// for all servers"), "{urls}");
    }
}

#[test]
fn the_password_is_in_no_debug_text() {
    let options = NatsOptions::new("nats://app:hidden@127.0.0.1", "tickets").expect("a URL");
    assert!(!format!("{options:?}").contains("hidden"));
}
