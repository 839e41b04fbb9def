//! sc18: tenants with schemes of other senders on one route.

use nevent_webhooks::scheme::{Hash, Scheme, Terms};
use nevent_webhooks::{Delivery, ManualClock, RequestHead, Tenant, VerifyLayer, VerifyOptions};

use crate::support::sender::{Key, body_of};
use crate::support::{Adapter, Post, Receiver, Reply, Sender, rows};

rows!(
    sc18_tenants_with_different_schemes,
    sc18_an_unknown_tenant_looks_like_one_of_the_scheme,
    sc18_an_unknown_tenant_gets_the_schemes_status,
);

/// A receiver whose tenants are named in the header `X-Tenant`.
async fn start(adapter: Adapter, tenants: Vec<Tenant>, options: VerifyOptions) -> Receiver {
    let clock = ManualClock::now();
    let tenant_of = move |head: &RequestHead<'_>| {
        let name = head.header("x-tenant")?;
        tenants.iter().find(|tenant| tenant.name() == name).cloned()
    };
    let layer = VerifyLayer::per_tenant(tenant_of, options.clock(clock.clone()));
    Receiver::on(adapter).clock(&clock).verify_layer(layer).start().await
}

/// Each tenant is named after its scheme, and each delivery has the same id and body.
async fn sc18_tenants_with_different_schemes(adapter: Adapter) {
    let senders = Sender::all();
    let tenants = senders.iter().map(|sender| sender.tenant(sender.name)).collect();
    let receiver = start(adapter, tenants, VerifyOptions::new()).await;
    for sender in &senders {
        let of = |post: Post| post.header("X-Tenant", sender.name);
        let post = of(sender.post("d-1", receiver.now()));
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
        let forged = sender.post_with(Key::Wrong, "d-1", receiver.now(), body_of("d-1"));
        receiver.deliver(&of(forged)).await.is(401, "Invalid signature");
    }
    let seen = receiver.seen();
    let names: Vec<_> = senders.iter().map(|sender| Some(sender.name)).collect();
    assert_eq!(seen.iter().map(Delivery::tenant).collect::<Vec<_>>(), names);
    assert_eq!(seen.iter().map(|delivery| Some(delivery.scheme())).collect::<Vec<_>>(), names);
}

/// Neither a missing header nor a long body tells which tenants exist.
async fn sc18_an_unknown_tenant_looks_like_one_of_the_scheme(adapter: Adapter) {
    for (sender, options) in [
        (Sender::of(Scheme::github()), VerifyOptions::new().unknown_tenants_as(Scheme::github())),
        (
            Sender::of(Scheme::standard_webhooks()).with_time("webhook-timestamp"),
            VerifyOptions::new().unknown_tenants_as(Scheme::standard_webhooks()),
        ),
    ] {
        let receiver = start(adapter, vec![sender.tenant("acme")], options).await;
        let forged = sender.post_with(Key::Wrong, "d", receiver.now(), body_of("d"));
        let declaring = |bytes: usize| {
            forged.clone().but_send("").with_header("Content-Length", bytes.to_string())
        };
        let mut posts = vec![
            forged.clone(),
            forged.clone().without_header(sender.signature),
            forged.clone().with_header(sender.signature, "x"),
            Post::new("d").without_id().event(None),
            forged.clone().header("Content-Encoding", "gzip"),
            forged.clone().but_send(vec![b'x'; 1024 * 1024]),
            declaring(25 * 1024 * 1024 + 1),
        ];
        posts.extend(sender.time.map(|header| forged.clone().without_header(header)));
        for post in posts {
            let known = reply(&receiver, post.clone().header("X-Tenant", "acme")).await;
            assert!(known.status >= 400, "{known:?}");
            assert_eq!(reply(&receiver, post.header("X-Tenant", "nobody")).await, known);
        }
        assert_eq!(receiver.runs(), 0);
    }
}

async fn sc18_an_unknown_tenant_gets_the_schemes_status(adapter: Adapter) {
    let terms = Terms::new().forbidden_for_unauthorized();
    let scheme = Scheme::hmac(Hash::Sha256, "x-signature").terms(terms).build().expect("a scheme");
    let sender = Sender::of(scheme);
    let options = VerifyOptions::new().unknown_tenants_as(scheme);
    let receiver = start(adapter, vec![sender.tenant("acme")], options).await;
    let post = sender.post("d", receiver.now());
    for unknown in [post.clone(), post.clone().header("X-Tenant", "nobody")] {
        let reply = receiver.deliver(&unknown).await;
        reply.is(403, "Invalid signature");
        assert_eq!(reply.header("www-authenticate"), None);
    }
    let missing = post.clone().without_header("x-signature");
    receiver.deliver(&missing).await.is(403, "Missing signature");
    receiver.deliver(&post.header("X-Tenant", "acme")).await.is(200, "");
}

/// The reply without what differs from one to the next.
async fn reply(receiver: &Receiver, post: Post) -> Reply {
    let mut reply = receiver.deliver(&post).await;
    reply.headers.retain(|(name, _)| name != "date");
    reply.headers.sort();
    reply
}
