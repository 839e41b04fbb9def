//! s18: several senders, each with a secret of its own, on one route.

use nevent_webhooks::{
    DedupeKey, DedupeOptions, ManualClock, RequestHead, Tenant, Verifier, VerifyLayer,
    VerifyOptions,
};

use crate::support::receiver::secret;
use crate::support::work::{Work, event};
use crate::support::{Adapter, OTHER_SECRET, Post, Receiver, Reply, SECRET, rows};

rows!(
    s18_a_tenants_secret_opens_its_own_door_only,
    s18_an_unknown_tenant_looks_like_a_wrong_secret,
    s18_tenants_do_not_share_delivery_ids,
    s18_tenants_do_not_share_event_ids,
    s18_a_tenant_is_picked_by_any_part_of_the_head,
);

/// By the header `X-Tenant`: `acme` and `globex`.
fn by_header(clock: &ManualClock) -> VerifyLayer {
    let tenant = |name, text| Tenant::new(name, Verifier::new(secret(text))).expect("a name");
    let tenants = [tenant("acme", SECRET), tenant("globex", OTHER_SECRET)];
    let tenant_of = move |head: &RequestHead<'_>| {
        let name = head.header("x-tenant")?;
        tenants.iter().find(|tenant| tenant.name() == name).cloned()
    };
    VerifyLayer::per_tenant(tenant_of, VerifyOptions::new().clock(clock.clone()))
}

async fn start(adapter: Adapter, options: DedupeOptions) -> Receiver {
    let clock = ManualClock::now();
    let setup = Receiver::on(adapter).clock(&clock).verify_layer(by_header(&clock));
    setup.options(options).start().await
}

fn of_acme(id: &str) -> Post {
    Post::new(id).header("X-Tenant", "acme")
}

fn of_globex(id: &str) -> Post {
    Post::new(id).header("X-Tenant", "globex").secret(OTHER_SECRET)
}

async fn s18_a_tenants_secret_opens_its_own_door_only(adapter: Adapter) {
    let receiver = start(adapter, DedupeOptions::new()).await;
    receiver.deliver(&of_acme("a")).await.is(200, "");
    receiver.deliver(&of_globex("g")).await.is(200, "");
    receiver.deliver(&of_acme("x").secret(OTHER_SECRET)).await.is(401, "Invalid signature");
    receiver.deliver(&of_globex("x").secret(SECRET)).await.is(401, "Invalid signature");
    let seen = receiver.seen();
    let tenants: Vec<_> = seen.iter().map(nevent_webhooks::Delivery::tenant).collect();
    assert_eq!(tenants, [Some("acme"), Some("globex")]);
}

/// Also if it signs with the key that unknown tenants are verified with.
async fn s18_an_unknown_tenant_looks_like_a_wrong_secret(adapter: Adapter) {
    let receiver = start(adapter, DedupeOptions::new()).await;
    let without_date = |mut reply: Reply| {
        reply.headers.retain(|(name, _)| name != "date");
        reply.headers.sort();
        reply
    };
    for (known, unknown) in [
        (of_acme("x").secret(OTHER_SECRET), Post::new("x").header("X-Tenant", "nobody")),
        (of_acme("x").secret("decoy"), Post::new("x").secret("decoy")),
        (of_acme("x").secret("decoy").age(301), Post::new("x").secret("decoy").age(301)),
        (of_acme("x").secret("decoy").without_id(), Post::new("x").secret("decoy").without_id()),
        (of_acme("x").signature("t=1"), Post::new("x").signature("t=1")),
        (
            of_acme("x").header("Content-Encoding", "gzip"),
            Post::new("x").header("Content-Encoding", "gzip"),
        ),
        (
            of_acme("x").secret(OTHER_SECRET),
            of_acme("x").header("X-Tenant", "acme"), // Twice names nobody.
        ),
    ] {
        let known = without_date(receiver.deliver(&known).await);
        assert!(known.status >= 400, "{known:?}");
        assert_eq!(without_date(receiver.deliver(&unknown).await), known);
    }
    assert_eq!(receiver.runs(), 0);
}

/// The id is unsigned: one tenant could block another's.
async fn s18_tenants_do_not_share_delivery_ids(adapter: Adapter) {
    let receiver = start(adapter, DedupeOptions::new()).await;
    receiver.deliver(&of_acme("d").body("of acme")).await.is(200, "");
    receiver.deliver(&of_globex("d").body("of globex")).await.is(200, "");
    for post in [of_acme("d").body("of acme"), of_globex("d").body("of globex")] {
        receiver.deliver(&post).await.is(200, "Already processed");
    }
    receiver.deliver(&of_acme("d").body("another")).await.is(422, "Delivery id reused");
    assert_eq!(receiver.runs(), 2);
}

async fn s18_tenants_do_not_share_event_ids(adapter: Adapter) {
    let receiver = start(adapter, DedupeOptions::new().dedupe_by(DedupeKey::EventId)).await;
    for (id, answer) in [("d-1", ""), ("d-2", "Already processed")] {
        receiver.deliver(&of_acme(id)).await.is(200, answer);
        receiver.deliver(&of_globex(id)).await.is(200, answer);
    }
    assert_eq!(receiver.runs(), 2);

    let clock = ManualClock::now();
    let (setup, work) = Work::on(adapter);
    let receiver = setup.clock(&clock).verify_layer(by_header(&clock)).start().await;
    let batch = format!("[{}]", event("evt_1"));
    for (id, age) in [("d-1", 0), ("d-2", 1)] {
        receiver.deliver(&of_acme(id).body(batch.clone()).age(age)).await.is(200, "");
        receiver.deliver(&of_globex(id).body(batch.clone()).age(age)).await.is(200, "");
    }
    assert_eq!((receiver.runs(), work.runs_of("evt_1")), (4, 2), "once for each tenant");
}

async fn s18_a_tenant_is_picked_by_any_part_of_the_head(adapter: Adapter) {
    let tenant = Tenant::new("acme", Verifier::new(secret(SECRET))).expect("a name");
    let tenant_of = move |head: &RequestHead<'_>| {
        let seen = (head.method(), head.path(), head.query(), head.host());
        let expected = ("POST", "/webhooks/nevent", None, Some("localhost"));
        (seen == expected && head.header("X-NEVENT-DELIVERY") == Some("d")).then(|| tenant.clone())
    };
    let layer = VerifyLayer::per_tenant(tenant_of, VerifyOptions::new());
    let receiver = Receiver::on(adapter).verify_layer(layer).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("other")).await.is(401, "Invalid signature");
}
