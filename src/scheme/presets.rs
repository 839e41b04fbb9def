//! The schemes of well-known senders, as their documentation states them.

use std::time::Duration;

use super::sender::Sender;
use super::{
    Base64Key, Encoding, Format, Grammar, Hash, IdSource, Scheme, Signed, Terms, TextKey,
    TimeSource, Timed, Untimed,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

impl Scheme {
    /// Stripe: `Stripe-Signature: t=<time>,v1=<hex>` over `{t}.{body}`, and an id in the body's field
    /// `id`.
    ///
    /// Stripe retries for 3 days.
    pub const fn stripe() -> Self {
        Self::of(Sender {
            name: "stripe",
            format: Format {
                hash: Hash::Sha256,
                encoding: Encoding::Hex,
                header: "stripe-signature",
                grammar: Grammar::Items { digest: "v1" },
                before: "",
                signed: Signed::Time { time: TimeSource::Item("t"), separator: "." },
            },
            id: IdSource::BodyField("id"),
            event_header: None,
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new().retry_horizon(Duration::from_secs(3 * DAY)),
        })
    }

    /// Slack: `X-Slack-Signature: v0=<hex>` over `v0:{time}:{body}`, with the time in
    /// `X-Slack-Request-Timestamp`, and an id in the body's field `event_id`.
    ///
    /// Slack waits 3 s. The body of a slash command has no id, so its hash is the id. The layers answer
    /// Slack's `url_verification` themselves: see [`handshake`](crate::handshake).
    pub const fn slack() -> Self {
        let time = TimeSource::Header("x-slack-request-timestamp");
        Self::of(Sender {
            name: "slack",
            format: Format {
                hash: Hash::Sha256,
                encoding: Encoding::Hex,
                header: "x-slack-signature",
                grammar: Grammar::Bare { prefix: "v0=" },
                before: "v0:",
                signed: Signed::Time { time, separator: ":" },
            },
            id: IdSource::BodyField("event_id"),
            event_header: None,
            version_header: None,
            answers_url_verification: true,
            // Three retries: at once, after 1 minute and after 5 minutes.
            terms: Terms::new()
                .timeout(Duration::from_secs(3))
                .retry_horizon(Duration::from_secs(HOUR)),
        })
    }
}

impl Scheme<Untimed, TextKey> {
    /// GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body, and an id in `X-GitHub-Delivery` that
    /// is not signed. The signature covers no time.
    ///
    /// GitHub waits 10 s, sends bodies of up to 25 MB, and lets you deliver again by hand for 3 days.
    pub const fn github() -> Self {
        Self::of(Sender {
            name: "github",
            format: hub_signature(),
            id: IdSource::Header("x-github-delivery"),
            event_header: Some("x-github-event"),
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new()
                .retry_horizon(Duration::from_secs(3 * DAY))
                .body_limit(25 * 1024 * 1024),
        })
    }

    /// Meta, with `WhatsApp`, Messenger and Instagram: `X-Hub-Signature-256: sha256=<hex>` over the body,
    /// and no id. The secret is the app secret. The signature covers no time.
    ///
    /// `WhatsApp` retries for 7 days, sends bodies of up to 3 MB, and takes only 200 for success.
    pub const fn meta() -> Self {
        Self::of(Sender {
            name: "meta",
            format: hub_signature(),
            id: IdSource::BodyHash,
            event_header: None,
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new()
                .retry_horizon(Duration::from_secs(7 * DAY))
                .body_limit(3 * 1024 * 1024)
                .only_200_is_success(),
        })
    }

    /// Shopify: `X-Shopify-Hmac-Sha256: <base64>` over the body, and an id in `X-Shopify-Webhook-Id`
    /// that is not signed. The secret is the app's client secret. The signature covers no time.
    ///
    /// Shopify waits 5 s and retries for 4 h.
    pub const fn shopify() -> Self {
        Self::of(Sender {
            name: "shopify",
            format: Format {
                hash: Hash::Sha256,
                encoding: Encoding::Base64,
                header: "x-shopify-hmac-sha256",
                grammar: Grammar::Bare { prefix: "" },
                before: "",
                signed: Signed::Body,
            },
            id: IdSource::Header("x-shopify-webhook-id"),
            event_header: Some("x-shopify-topic"),
            version_header: Some("x-shopify-api-version"),
            answers_url_verification: false,
            terms: Terms::new()
                .timeout(Duration::from_secs(5))
                .retry_horizon(Duration::from_secs(5 * HOUR)),
        })
    }
}

impl Scheme<Timed, Base64Key> {
    /// Standard Webhooks: `webhook-signature: v1,<base64>` over `{id}.{time}.{body}`, with the id in
    /// `webhook-id` and the time in `webhook-timestamp`.
    ///
    /// The specification's example of a schedule ends after 75 h 35 min.
    pub const fn standard_webhooks() -> Self {
        Self::of(Sender {
            name: "standard-webhooks",
            format: standard("webhook-signature", "webhook-id", "webhook-timestamp"),
            id: IdSource::SignedHeader,
            event_header: None,
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new().retry_horizon(Duration::from_secs(76 * HOUR)),
        })
    }

    /// Svix: Standard Webhooks with headers that begin with `svix-`.
    ///
    /// Svix waits 15 s and retries for 27 h 35 min.
    pub const fn svix() -> Self {
        Self::of(Sender {
            name: "svix",
            format: standard("svix-signature", "svix-id", "svix-timestamp"),
            id: IdSource::SignedHeader,
            event_header: None,
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new()
                .timeout(Duration::from_secs(15))
                .retry_horizon(Duration::from_secs(28 * HOUR)),
        })
    }
}

const fn hub_signature() -> Format {
    Format {
        hash: Hash::Sha256,
        encoding: Encoding::Hex,
        header: "x-hub-signature-256",
        grammar: Grammar::Bare { prefix: "sha256=" },
        before: "",
        signed: Signed::Body,
    }
}

const fn standard(header: &'static str, id: &'static str, time: &'static str) -> Format {
    let time = TimeSource::Header(time);
    Format {
        hash: Hash::Sha256,
        encoding: Encoding::Base64,
        header,
        grammar: Grammar::Versions { version: "v1" },
        before: "",
        signed: Signed::IdAndTime { id_header: id, time, separator: "." },
    }
}
