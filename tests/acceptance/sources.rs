//! a01–a03, a05: whose requests a list of source addresses lets pass. The peers are addresses of
//! loopback.

use nevent_webhooks::source::{Networks, SourceLayer};
use nevent_webhooks::{Rejection, RejectionResponse};

use super::source_route::{Route, Setup, delivery, now, wire};
use crate::support::recorder::Recorder;
use crate::support::{Adapter, Reply, rows};

rows!(
    a01_an_address_on_the_list,
    a02_another_address,
    a02_a_body_that_never_comes,
    a02_a_connection_without_an_unread_body_stays,
    a02_a_response_of_ones_own,
    a03_a_forged_header,
    a05_ipv4_on_a_socket_for_both,
    a05_ranges,
);

/// On the lists of these tests.
pub(super) const LISTED: &str = "127.0.0.5";
/// On no list.
const STRANGER: &str = "127.0.0.6";
/// One of the trusted proxies.
pub(super) const PROXY: &str = "127.0.1.1";

pub(super) fn list<const N: usize>(networks: [&str; N]) -> Networks {
    Networks::new(networks).expect("networks")
}

fn listed() -> SourceLayer {
    SourceLayer::new(list([LISTED]))
}

#[track_caller]
fn is_forbidden(reply: &Reply) {
    reply.is(403, "Forbidden");
    assert!(!reply.continued, "the body was asked for although it could not matter");
}

async fn a01_an_address_on_the_list(adapter: Adapter) {
    let route = Route::start(adapter, listed()).await;
    route.deliver(LISTED, &delivery("d")).await.is(200, "");
    route.deliver(LISTED, &delivery("d")).await.is(200, "Already processed");
    assert_eq!(route.runs(), 1);
    // The list proves nothing.
    route.deliver(LISTED, &delivery("e").but_send("{}")).await.is(401, "Invalid signature");
    assert_eq!(route.runs(), 1);
}

async fn a02_another_address(adapter: Adapter) {
    let recorder = Recorder::default();
    let source = listed().observer(recorder.clone()).scope("tickets".parse().expect("a scope"));
    let route = Route::start(adapter, source).await;
    for post in [
        delivery("d"),
        delivery("d").but_send("{}"),
        delivery("d").without_signature(),
        delivery("d").header("Content-Encoding", "gzip"),
        delivery("d").header("Content-Length", "99999999999"),
        delivery("d").chunks(vec![1]),
    ] {
        is_forbidden(&route.deliver(STRANGER, &post).await);
        assert_eq!(recorder.all().pop().expect("told").scope.as_deref(), Some("tickets"));
        assert_eq!(recorder.take(), ["rejected 403"]);
    }
    // Nothing was stored under the id.
    route.deliver(LISTED, &delivery("d")).await.is(200, "");
    assert_eq!((route.runs(), recorder.take().len()), (1, 0));

    let nobody = Route::start(adapter, SourceLayer::new(list([]))).await;
    is_forbidden(&nobody.deliver(LISTED, &delivery("d")).await);
    assert_eq!(nobody.runs(), 0);
}

/// The connection ends with the response: otherwise the server would have to read the body.
async fn a02_a_body_that_never_comes(adapter: Adapter) {
    let route = Route::start(adapter, listed()).await;
    let mut connection = route.connect(STRANGER).await;
    connection.send(&delivery("d").wire(now()).0).await;
    is_forbidden(&connection.reply().await);
    assert_eq!(connection.reply_or_end().await, None);

    let mut expecting = route.connect(STRANGER).await;
    expecting.send(&delivery("d").header("Expect", "100-continue").wire(now()).0).await;
    let reply = expecting.reply().await;
    reply.is(403, "Forbidden");
    // actix asks for every body by itself, before anybody has seen the head.
    assert!(!(reply.continued && adapter.judges_before_the_body_is_asked_for()));
    assert_eq!(expecting.reply_or_end().await, None);
}

async fn a02_a_connection_without_an_unread_body_stays(adapter: Adapter) {
    let route = Route::start(adapter, listed()).await;
    let mut connection = route.connect(STRANGER).await;
    for _ in 0..2 {
        connection.send(&wire(&delivery("d").body(""))).await;
        is_forbidden(&connection.reply().await);
    }
}

async fn a02_a_response_of_ones_own(adapter: Adapter) {
    let json = |rejection: &Rejection| {
        RejectionResponse::new("application/json", format!("{:?}", rejection.as_str()))
    };
    let route = Route::start(adapter, listed().rejection_response(json)).await;
    let reply = route.deliver(STRANGER, &delivery("d")).await;
    reply.is(403, r#""source_forbidden""#);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

async fn a03_a_forged_header(adapter: Adapter) {
    for source in [listed(), listed().trusted_proxies(list(["127.0.1.0/24"]))] {
        let route = Route::start(adapter, source).await;
        let forged = |id| {
            delivery(id)
                .header("X-Forwarded-For", LISTED)
                .header("Forwarded", format!("for={LISTED}"))
                .header("X-Real-IP", LISTED)
                .header("CF-Connecting-IP", LISTED)
        };
        is_forbidden(&route.deliver(STRANGER, &forged("d")).await);
        assert_eq!(route.runs(), 0);
        let other = delivery("d").header("X-Forwarded-For", STRANGER);
        route.deliver(LISTED, &other).await.is(200, "");
    }
}

/// There, the peer is `::ffff:127.0.0.5`.
async fn a05_ipv4_on_a_socket_for_both(adapter: Adapter) {
    for (networks, proxies) in [
        (LISTED, PROXY),
        ("::ffff:127.0.0.5", "::ffff:127.0.1.0/120"),
        ("127.0.0.4/31", "127.0.1.0/24"),
    ] {
        let source = SourceLayer::new(list([networks])).trusted_proxies(list([proxies]));
        let route = Setup::of(adapter, source).dual_stack().start().await;
        route.deliver(LISTED, &delivery("d")).await.is(200, "");
        is_forbidden(&route.deliver(STRANGER, &delivery("e")).await);
        let named = |address: &str| delivery(address).header("X-Forwarded-For", address);
        route.deliver(PROXY, &named("::ffff:127.0.0.5")).await.is(200, "");
        is_forbidden(&route.deliver(PROXY, &named("::ffff:127.0.0.6")).await);
        is_forbidden(&route.deliver(STRANGER, &named(LISTED)).await);
        assert_eq!(route.runs(), 2);
    }
    // All of IPv6 is nothing of IPv4, on whatever socket.
    let route = Setup::of(adapter, SourceLayer::new(list(["::/0"]))).dual_stack().start().await;
    is_forbidden(&route.deliver(LISTED, &delivery("d")).await);
}

async fn a05_ranges(adapter: Adapter) {
    let route = Route::start(adapter, SourceLayer::new(list(["127.3.0.0/16", "::1"]))).await;
    for (id, peer) in ["127.3.0.0", "127.3.0.1", "127.3.255.255"].into_iter().enumerate() {
        route.deliver(peer, &delivery(&format!("d-{id}"))).await.is(200, "");
    }
    for peer in ["127.2.255.255", "127.4.0.0", "127.0.0.1"] {
        is_forbidden(&route.deliver(peer, &delivery("d")).await);
    }
    assert_eq!(route.runs(), 3);
}
