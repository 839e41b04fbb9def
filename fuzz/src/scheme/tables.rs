//! What a scheme is chosen from: the parts of one's own, and the senders, as they document it.

use super::{Encoding, Grammar, Hash, Key, Names, Parts, Place, Preset, Signed};

/// Those with items first.
pub(super) const GRAMMARS: [Grammar; 6] = [
    Grammar::Items("v1"),
    Grammar::Items("s"),
    Grammar::Bare(""),
    Grammar::Bare("sha256="),
    Grammar::Versions("v1"),
    Grammar::Versions("v1a"),
];

pub(super) const SIGNED: [Signed; 6] = [
    Signed::Body,
    Signed::Time { place: Place::Item("t"), before: "", after: "." },
    Signed::Time { place: Place::Item("time"), before: "1", after: "|2" },
    Signed::Time { place: Place::Header, before: "v0:", after: ":" },
    Signed::IdAndTime { separator: "." },
    Signed::IdAndTime { separator: "::" },
];

pub(super) const PRESETS: [Parts; 8] = [
    NEVENT,
    Parts { preset: Some(Preset::Stripe), names: names("stripe-signature", "", None), ..NEVENT },
    Parts {
        preset: Some(Preset::Slack),
        grammar: Grammar::Bare("v0="),
        signed: Signed::Time { place: Place::Header, before: "v0:", after: ":" },
        names: names("x-slack-signature", "x-slack-request-timestamp", None),
        ..NEVENT
    },
    Parts {
        preset: Some(Preset::GitHub),
        names: names("x-hub-signature-256", "", Some("x-github-delivery")),
        ..META
    },
    META,
    Parts {
        preset: Some(Preset::Shopify),
        encoding: Encoding::Base64,
        grammar: Grammar::Bare(""),
        names: names("x-shopify-hmac-sha256", "", Some("x-shopify-webhook-id")),
        ..META
    },
    STANDARD_WEBHOOKS,
    Parts {
        preset: Some(Preset::Svix),
        names: names("svix-signature", "svix-timestamp", Some("svix-id")),
        ..STANDARD_WEBHOOKS
    },
];

pub(super) const NEVENT: Parts = Parts {
    preset: Some(Preset::Nevent),
    hash: Hash::Sha256,
    encoding: Encoding::Hex,
    grammar: Grammar::Items("v1"),
    signed: Signed::Time { place: Place::Item("t"), before: "", after: "." },
    key: Key::Text,
    names: names("x-nevent-signature", "", Some("x-nevent-delivery")),
};

const META: Parts = Parts {
    preset: Some(Preset::Meta),
    grammar: Grammar::Bare("sha256="),
    signed: Signed::Body,
    names: names("x-hub-signature-256", "", None),
    ..NEVENT
};

const STANDARD_WEBHOOKS: Parts = Parts {
    preset: Some(Preset::StandardWebhooks),
    encoding: Encoding::Base64,
    grammar: Grammar::Versions("v1"),
    signed: Signed::IdAndTime { separator: "." },
    key: Key::Base64,
    names: names("webhook-signature", "webhook-timestamp", Some("webhook-id")),
    ..NEVENT
};

const fn names(signature: &'static str, time: &'static str, id: Option<&'static str>) -> Names {
    Names { signature, time, id }
}
