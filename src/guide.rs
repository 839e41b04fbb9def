//! The guide: one page per task.
//!
//! Each page says first what you will have at the end of it, then shows code that runs, then
//! explains. The pages are the files of the directory `docs`.
//!
//! | I want to | page |
//! | --- | --- |
//! | receive events with axum, actix-web or hyper | [`axum`], [`actix`], [`hyper`] |
//! | receive events with Rocket, poem or anything else | [`other_frameworks`] |
//! | receive from Stripe, GitHub, `WhatsApp`, Slack, Shopify and others | [`senders`]; [`stripe`], [`github`], [`meta`], [`slack`], [`shopify`], [`standard_webhooks`] |
//! | receive from a sender without a preset, or one that signs nothing | [`custom_schemes`], [`recipes`] |
//! | read typed events, and keep those that cannot be read | [`events`] |
//! | handle batches, each event once | [`batches`] |
//! | answer at once and work later, from a queue | [`queues`] |
//! | do so with `PostgreSQL`, Redis Streams or `BullMQ`, `RabbitMQ`, NATS, Kafka, Amazon SQS or Azure Service Bus | [`queue_postgres`], [`queue_redis_streams`], [`queue_rabbitmq`], [`queue_nats`], [`queue_kafka`], [`queue_sqs`], [`queue_azure`] |
//! | know what the sender is answered, and what it does then | [`responses`] |
//! | choose a store; run Redis, PostgreSQL or SQLite; write a store | [`stores`], [`redis`], [`postgres`], [`own_store`] |
//! | change the secret without losing a delivery | [`rotation`] |
//! | serve several tenants or endpoints | [`tenants`] |
//! | run behind a proxy, and shut down | [`proxy`], [`shutdown`] |
//! | speak HTTPS without a proxy, and ask for client certificates | [`tls`] |
//! | let only the sender's addresses in | [`source`] |
//! | test my handler | [`testing`] |
//! | see counters, log lines and rejections | [`observing`] |
//! | know what to do when an alert fires | [`runbook`] |
//! | commit an effect and its record together | [`exactly_once`] |
//! | find out what is wrong | [`troubleshooting`] |
//! | know what an attacker can do | [`security`] |
//!
//! [`axum`]: self::axum
//! [`actix`]: self::actix
//! [`hyper`]: self::hyper
//! [`redis`]: self::redis

/// Declares the pages. The glob imports let a page link to an item by its name alone.
macro_rules! pages {
    ($($page:ident = $file:literal;)*) => {
        $(
            #[allow(missing_docs, unused_imports, reason = "the page is the documentation")]
            pub mod $page {
                #![doc = include_str!(concat!("../docs/", $file))]
                use crate::{self as nevent_webhooks, *};
                use crate::{event::*, guide, handshake, observe::*, scheme::*, source::*, store::*, token::*};
            }
        )*
    };
}

pages! {
    axum = "axum.md";
    actix = "actix.md";
    hyper = "hyper.md";
    other_frameworks = "other_frameworks.md";
    senders = "senders.md";
    stripe = "stripe.md";
    github = "github.md";
    meta = "meta.md";
    slack = "slack.md";
    shopify = "shopify.md";
    standard_webhooks = "standard_webhooks.md";
    custom_schemes = "custom_schemes.md";
    recipes = "recipes.md";
    events = "events.md";
    batches = "batches.md";
    queues = "queues.md";
    queue_postgres = "queue_postgres.md";
    queue_redis_streams = "queue_redis_streams.md";
    queue_rabbitmq = "queue_rabbitmq.md";
    queue_nats = "queue_nats.md";
    queue_kafka = "queue_kafka.md";
    queue_sqs = "queue_sqs.md";
    queue_azure = "queue_azure.md";
    responses = "responses.md";
    stores = "stores.md";
    redis = "redis.md";
    postgres = "postgres.md";
    own_store = "own_store.md";
    rotation = "rotation.md";
    tenants = "tenants.md";
    proxy = "proxy.md";
    tls = "tls.md";
    source = "source.md";
    shutdown = "shutdown.md";
    testing = "testing.md";
    observing = "observing.md";
    runbook = "runbook.md";
    exactly_once = "exactly_once.md";
    troubleshooting = "troubleshooting.md";
    security = "security.md";
}
