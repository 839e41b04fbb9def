//! a06–a08: HTTPS alone, a list that is replaced, and mistakes in the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nevent_webhooks::source::{ForwardedHeader, SourceLayer};

use super::source_route::{Route, Setup, delivery, wire};
use super::sources::{PROXY, list};
use crate::support::recorder::Recorder;
use crate::support::{Adapter, rows};

rows!(
    a06_https_only,
    a06_https_only_with_forwarded,
    a07_a_replaced_list,
    a07_a_list_that_is_replaced_all_the_time,
    a08_a_server_that_does_not_tell_the_peer,
    a08_a_layer_below_the_one_that_reads_the_body,
);

async fn a06_https_only(adapter: Adapter) {
    let recorder = Recorder::default();
    let source = SourceLayer::new(list(["127.0.0.5"])).trusted_proxies(list([PROXY]));
    let route = Route::start(adapter, source.https_only().observer(recorder.clone())).await;
    let post = |protocols: &[&str]| {
        let post = delivery(&protocols.concat()).header("X-Forwarded-For", "127.0.0.5");
        protocols.iter().fold(post, |post, protocol| post.header("X-Forwarded-Proto", *protocol))
    };
    route.deliver(PROXY, &post(&["https"])).await.is(200, "");
    route.deliver(PROXY, &post(&["HTTPS,https "])).await.is(200, "");
    for protocols in [
        &[][..],
        &["http"],
        &[""],
        &["https, http"],
        &["http, https"],
        &["https", "http"],
        &["on"],
        &["\"https\""],
    ] {
        route.deliver(PROXY, &post(protocols)).await.is(403, "HTTPS required");
        assert_eq!(recorder.take(), ["rejected 403"]);
    }
    // The list comes first: a stranger learns nothing of the rest.
    let stranger = delivery("d").header("X-Forwarded-For", "127.0.0.6");
    route.deliver(PROXY, &stranger).await.is(403, "Forbidden");
    // Nobody says anything of a connection without a proxy.
    let direct = delivery("direct").header("X-Forwarded-Proto", "http");
    route.deliver("127.0.0.5", &direct).await.is(200, "");
    assert_eq!(route.runs(), 3);
}

async fn a06_https_only_with_forwarded(adapter: Adapter) {
    let source = SourceLayer::new(list(["127.0.0.5"])).trusted_proxies(list(["127.0.1.0/24"]));
    let source = source.https_only().forwarded_header(ForwardedHeader::Forwarded);
    let route = Route::start(adapter, source).await;
    let post = |line: &str| delivery("d").header("Forwarded", line);
    for line in [
        "for=127.0.0.5",
        "for=127.0.0.5;proto=http",
        "for=127.0.0.5;proto=http, for=127.0.1.2;proto=https",
        "for=127.0.0.5;proto=https, for=127.0.1.2;proto=http",
        "proto=https, for=127.0.0.5",
    ] {
        let reply = route.deliver(PROXY, &post(line).header("X-Forwarded-Proto", "https")).await;
        assert_eq!((reply.status, reply.body.as_str()), (403, "HTTPS required"), "{line}");
    }
    let line = "for=6.6.6.6, for=127.0.0.5;proto=https, for=127.0.1.2;proto=\"HTTPS\"";
    route.deliver(PROXY, &post(line)).await.is(200, "");
    assert_eq!(route.runs(), 1);
}

async fn a07_a_replaced_list(adapter: Adapter) {
    let (networks, proxies) = (list(["127.0.0.5"]), list([]));
    let source = SourceLayer::new(networks.clone()).trusted_proxies(proxies.clone());
    let route = Route::start(adapter, source).await;
    let mut kept = route.connect("127.0.0.5").await;
    kept.send(&wire(&delivery("d-1"))).await;
    kept.reply().await.is(200, "");
    let named = |id| delivery(id).header("X-Forwarded-For", "127.0.0.6");
    route.deliver(PROXY, &named("d-2")).await.is(403, "Forbidden");

    networks.replace(["127.0.0.6"]).expect("networks");
    kept.send(&wire(&delivery("d-3"))).await;
    kept.reply().await.is(403, "Forbidden");
    route.deliver("127.0.0.6", &delivery("d-3")).await.is(200, "");
    proxies.replace([PROXY]).expect("networks");
    route.deliver(PROXY, &named("d-2")).await.is(200, "");

    assert!(networks.replace(["127.0.0.7", "127.0.0"]).is_err());
    route.deliver("127.0.0.7", &delivery("d-4")).await.is(403, "Forbidden");
    route.deliver("127.0.0.6", &delivery("d-4")).await.is(200, "");
    assert_eq!(route.runs(), 4);
}

/// No request sees half of a list.
async fn a07_a_list_that_is_replaced_all_the_time(adapter: Adapter) {
    let networks = list(["127.0.0.5"]);
    let route = Route::start(adapter, SourceLayer::new(networks.clone())).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let replaces = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                networks.replace(["127.0.0.6", "127.0.0.5"]).expect("networks");
                networks.replace(["127.0.0.5"]).expect("networks");
                std::thread::yield_now();
            }
        })
    };
    for number in 0..50 {
        let post = delivery(&format!("d-{number}"));
        route.deliver("127.0.0.5", &post).await.is(200, "");
        route.deliver("127.0.0.7", &post).await.is(403, "Forbidden");
    }
    is_over.store(true, Ordering::SeqCst);
    replaces.join().expect("no panic");
    assert_eq!(route.runs(), 50);
}

async fn a08_a_server_that_does_not_tell_the_peer(adapter: Adapter) {
    let recorder = Recorder::default();
    let all = SourceLayer::new(list(["0.0.0.0/0", "::/0"])).trusted_proxies(list([PROXY]));
    let route = Setup::of(adapter, all.observer(recorder.clone())).untold().start().await;
    let post = delivery("d").header("X-Forwarded-For", "127.0.0.5");
    let reply = route.deliver("127.0.0.5", &post).await;
    let text =
        "This route has a nevent_webhooks::source::SourceLayer that does not know the peer's";
    assert!(reply.status == 500 && reply.body.starts_with(text), "{reply:?}");
    assert_eq!((route.runs(), recorder.take()), (0, vec!["rejected 500".to_owned()]));
}

async fn a08_a_layer_below_the_one_that_reads_the_body(adapter: Adapter) {
    let all = SourceLayer::new(list(["0.0.0.0/0"]));
    let route = Setup::of(adapter, all).late().start().await;
    let reply = route.deliver("127.0.0.5", &delivery("d")).await;
    let text =
        "This route has a nevent_webhooks::source::SourceLayer below another layer that reads";
    assert!(reply.status == 500 && reply.body.starts_with(text), "{reply:?}");
    assert_eq!(route.runs(), 0);
}
