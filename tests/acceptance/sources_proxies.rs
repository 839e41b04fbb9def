//! a04: the client's address behind proxies.

use nevent_webhooks::source::{ForwardedHeader, SourceLayer};

use super::source_route::{Route, delivery};
use super::sources::{LISTED, PROXY, list};
use crate::support::{Adapter, Post, rows};

rows!(
    a04_x_forwarded_for,
    a04_x_forwarded_for_that_names_nobody_on_the_list,
    a04_forwarded,
    a04_forwarded_that_names_nobody_on_the_list,
);

/// Nevent's addresses and a range of IPv6, behind any of 254 proxies.
fn behind(header: ForwardedHeader) -> SourceLayer {
    let networks =
        list(["35.198.123.45", "34.76.234.67", "104.155.67.89", "2001:db8:7::/48", LISTED]);
    SourceLayer::new(networks).trusted_proxies(list(["127.0.1.0/24"])).forwarded_header(header)
}

/// A delivery with these lines of a header.
fn with_lines(id: usize, name: &str, lines: &[&[u8]]) -> Post {
    let post = delivery(&format!("d-{id}"));
    lines.iter().fold(post, |post, line| post.header(name, *line))
}

async fn pass(adapter: Adapter, header: ForwardedHeader, name: &str, all: &[&[&str]]) {
    let route = Route::start(adapter, behind(header)).await;
    for (id, lines) in all.iter().enumerate() {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let reply = route.deliver(PROXY, &with_lines(id, name, &lines)).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{:?}", all[id]);
    }
    assert_eq!(route.runs(), all.len());
    // No proxy at all.
    route.deliver(LISTED, &delivery("direct")).await.is(200, "");
}

async fn are_forbidden(adapter: Adapter, header: ForwardedHeader, name: &str, all: &[&[&[u8]]]) {
    let route = Route::start(adapter, behind(header)).await;
    for (id, lines) in all.iter().enumerate() {
        let reply = route.deliver(PROXY, &with_lines(id, name, lines)).await;
        assert_eq!((reply.status, reply.body.as_str()), (403, "Forbidden"), "{:?}", all[id]);
    }
    assert_eq!(route.runs(), 0);
}

async fn a04_x_forwarded_for(adapter: Adapter) {
    let all: &[&[&str]] = &[
        &["35.198.123.45"],
        &["6.6.6.6, 35.198.123.45"],
        &["6.6.6.6,35.198.123.45  ,127.0.1.2"],
        &["35.198.123.45,\t127.0.1.2 , 127.0.1.3"],
        &["35.198.123.45", "127.0.1.2", "127.0.1.3"],
        &["6.6.6.6", "unknown, 35.198.123.45", "127.0.1.2, 127.0.1.3"],
        &["34.76.234.67:4711, 127.0.1.2:80"],
        &["::ffff:104.155.67.89"],
        &["[::ffff:104.155.67.89]:443, ::ffff:127.0.1.2"],
        &["2001:db8:7::1"],
        &["[2001:db8:7:8::9]", "[::ffff:127.0.1.2]:1"],
        &["_hidden, \", ;=, \u{e9}, 35.198.123.45"],
        &["", ",", "35.198.123.45"],
        &[&"6.6.6.6, ".repeat(5_000), "35.198.123.45"],
    ];
    pass(adapter, ForwardedHeader::XForwardedFor, "X-Forwarded-For", all).await;
}

async fn a04_x_forwarded_for_that_names_nobody_on_the_list(adapter: Adapter) {
    let all: &[&[&[u8]]] = &[
        &[],
        &[b""],
        &[b"127.0.1.2"],
        &[b"6.6.6.6"],
        &[b"35.198.123.45, 6.6.6.6"],
        &[b"35.198.123.45, 6.6.6.6, 127.0.1.2"],
        &[b"35.198.123.45", b"6.6.6.6"],
        &[b"35.198.123.45", b""],
        &[b"35.198.123.45,"],
        &[b"35.198.123.45, unknown"],
        &[b"35.198.123.45, _hidden, 127.0.1.2"],
        &[b"35.198.123.45, \xff"],
        &[b"\"35.198.123.45\""],
        &[b"35.198.123.45 6.6.6.6"],
        &[b"35.198.123.45;6.6.6.6"],
        &[b"[35.198.123.45]"],
        &[b"for=35.198.123.45"],
        &[b"35.198.123.45", &b"127.0.1.2,".repeat(5_000)],
    ];
    are_forbidden(adapter, ForwardedHeader::XForwardedFor, "X-Forwarded-For", all).await;
    let other: &[&[&[u8]]] = &[&[b"for=35.198.123.45"]];
    are_forbidden(adapter, ForwardedHeader::XForwardedFor, "Forwarded", other).await;
}

async fn a04_forwarded(adapter: Adapter) {
    let all: &[&[&str]] = &[
        &["for=35.198.123.45"],
        &["For=\"35.198.123.45:4711\";proto=https;by=_x"],
        &["for=6.6.6.6, FOR = \"", "for=35.198.123.45, for=127.0.1.2"],
        &["for=unknown, for=35.198.123.45;host=\"a,b;for=6.6.6.6\\\"\"", "for=127.0.1.2"],
        &["for=35.198.123.45", "for=127.0.1.2", "for=\"127.0.1.3:80\""],
        &["for=\"[2001:db8:7::1]:4711\" ,\tfor=127.0.1.2"],
        &["for=\"[::ffff:35.198.123.45]\", for=\"[::ffff:127.0.1.2]\""],
    ];
    pass(adapter, ForwardedHeader::Forwarded, "Forwarded", all).await;
}

async fn a04_forwarded_that_names_nobody_on_the_list(adapter: Adapter) {
    let all: &[&[&[u8]]] = &[
        &[],
        &[b""],
        &[b"for=127.0.1.2"],
        &[b"for=6.6.6.6"],
        &[b"for=35.198.123.45, for=6.6.6.6"],
        &[b"for=35.198.123.45", b"for=6.6.6.6, for=127.0.1.2"],
        &[b"for=35.198.123.45;for=6.6.6.6"],
        &[b"for=6.6.6.6;for=35.198.123.45"],
        &[b"for=35.198.123.45, for=unknown"],
        &[b"for=35.198.123.45, for=_hidden"],
        &[b"for=35.198.123.45, proto=https"],
        &[b"by=35.198.123.45"],
        &[b"35.198.123.45"],
        // The proxy continued a line whose quote the client left open.
        &[b"for=35.198.123.45;x=\", for=6.6.6.6"],
        &[b"for=35.198.123.45;x=\", for=\"[2001:db8::6]:1\""],
        &[b"for=35.198.123.45;x=\"\xff\""],
        &[b"for=\"35.198.123.45"],
    ];
    are_forbidden(adapter, ForwardedHeader::Forwarded, "Forwarded", all).await;
    let other: &[&[&[u8]]] = &[&[b"35.198.123.45"]];
    are_forbidden(adapter, ForwardedHeader::Forwarded, "X-Forwarded-For", other).await;
}
