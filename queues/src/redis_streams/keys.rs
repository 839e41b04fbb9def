use nevent_webhooks::store::{RedisEffects, Scope};

/// The keys of a scope. The scope is their hash tag, as it is that of the records.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) queue: String,
    pub(super) delayed: String,
    pub(super) dead: String,
}

impl Keys {
    pub(super) fn of(scope: &Scope) -> Self {
        let key = |name| RedisEffects::key(scope, name);
        Self { queue: key("queue"), delayed: key("queue:delayed"), dead: key("queue:dead") }
    }
}

/// The consumer group. Its members share the work.
pub(super) const GROUP: &str = "workers";
