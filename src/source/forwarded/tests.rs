use super::super::Networks;
use super::*;

const NGINX: &str = "10.0.0.1";

fn client(peer: &str, header: ForwardedHeader, lines: &[(&str, &[u8])]) -> Client {
    let proxies = Networks::new(["10.0.0.0/8", "2001:db8::/32"]).unwrap();
    let lines_of = |name: &'static str| {
        let lines = lines.iter().filter(move |(line, _)| *line == name);
        lines.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    Client::of(peer.parse().unwrap(), &proxies.now(), header, lines_of)
}

/// The client by these lines of `X-Forwarded-For`.
fn behind<L: AsRef<[u8]> + ?Sized>(lines: &[&L]) -> Option<IpAddr> {
    let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", line.as_ref())).collect();
    client(NGINX, ForwardedHeader::XForwardedFor, &lines).address
}

/// The client by these lines of `Forwarded`, and whether it came in clear.
fn by_rfc_7239<L: AsRef<[u8]> + ?Sized>(lines: &[&L]) -> (Option<IpAddr>, bool) {
    let lines: Vec<_> = lines.iter().map(|line| ("forwarded", line.as_ref())).collect();
    let client = client(NGINX, ForwardedHeader::Forwarded, &lines);
    (client.address, client.is_in_clear)
}

fn is(address: &str) -> Option<IpAddr> {
    address.parse().ok()
}

#[test]
fn a_peer_that_is_no_proxy_is_the_client_whatever_it_says() {
    let says: [(&str, &[u8]); 2] =
        [("x-forwarded-for", b"35.198.123.45"), ("x-forwarded-proto", b"http")];
    for peer in ["192.0.2.1", "::ffff:192.0.2.1"] {
        let client = client(peer, ForwardedHeader::XForwardedFor, &says);
        assert_eq!(client, Client { address: "192.0.2.1".parse().ok(), is_in_clear: false });
    }
}

#[test]
fn the_right_most_address_that_is_no_proxys_counts() {
    assert_eq!(behind(&["192.0.2.1"]), is("192.0.2.1"));
    assert_eq!(behind(&["35.198.123.45, 192.0.2.1"]), is("192.0.2.1"));
    assert_eq!(behind(&["35.198.123.45, 192.0.2.1, 10.2.3.4"]), is("192.0.2.1"));
    assert_eq!(behind(&["35.198.123.45", "192.0.2.1", "10.2.3.4"]), is("192.0.2.1"));
    assert_eq!(behind(&["35.198.123.45", "\t192.0.2.1:4711,10.2.3.4"]), is("192.0.2.1"));
    assert_eq!(behind(&["::ffff:192.0.2.1, 2001:db8::1"]), is("192.0.2.1"));
    assert_eq!(behind(&["[2001:db9::1]:443, [2001:db8::1]"]), is("2001:db9::1"));
}

#[test]
fn a_proxy_is_never_the_client() {
    assert_eq!(behind::<str>(&[]), None, "it does not set the header");
    assert_eq!(behind(&["10.3.3.3, 10.2.2.2"]), None);
    let many = ["35.198.123.45"].into_iter().chain([NGINX; MOST_HOPS]).collect::<Vec<_>>();
    assert_eq!(behind(&[&many.join(",")]), None);
    assert_eq!(behind(&many), None);
    assert_eq!(behind(&[&many[..MOST_HOPS].join(",")]), is("35.198.123.45"));
}

#[test]
fn what_cannot_be_read_hides_the_client() {
    for hidden in ["unknown", "_hidden", "", ",", "35.198.123.45, x", "35.198.123.45,", "\u{a0}"] {
        assert_eq!(behind(&["35.198.123.45", hidden]), None, "{hidden}");
        assert_eq!(behind(&[&format!("35.198.123.45, {hidden}, 10.1.1.1")]), None, "{hidden}");
    }
    assert_eq!(behind(&[&b"35.198.123.45, \xff"[..]]), None);
    for hidden in ["for=_secret", "for=unknown", "proto=https", "for=x", "", "for=\"35.198.123.45"]
    {
        assert_eq!(by_rfc_7239(&[&format!("for=35.198.123.45, {hidden}")]).0, None, "{hidden}");
        assert_eq!(by_rfc_7239(&["for=35.198.123.45", hidden]).0, None, "{hidden}");
    }
    assert_eq!(by_rfc_7239(&[&b"for=35.198.123.45;x=\"\xff\""[..]]).0, None);
}

#[test]
fn what_the_client_sent_hides_nothing_that_a_proxy_added() {
    let long = "x, ".repeat(400_000);
    for sent in ["", "\"", "unknown", ";,=\"\\", "\u{e9}", &long] {
        assert_eq!(behind(&[&format!("{sent}, 192.0.2.1, 10.2.3.4")]), is("192.0.2.1"));
        assert_eq!(behind(&[sent, "192.0.2.1, 10.2.3.4"]), is("192.0.2.1"));
        assert_eq!(by_rfc_7239(&[sent, "for=192.0.2.1, for=10.2.3.4"]).0, is("192.0.2.1"));
    }
    assert_eq!(behind(&[&b"\xff, 192.0.2.1"[..]]), is("192.0.2.1"));
}

/// The proxy continues the client's line, so what it adds is within the client's quotes.
#[test]
fn a_quote_that_the_client_left_open_does_not_swallow_its_address() {
    for sent in ["for=35.198.123.45;x=\"", "for=35.198.123.45;x=\"\\", "for=35.198.123.45, for=\""]
    {
        for added in [
            "for=192.0.2.1;proto=https",
            r#"for="[2001:db9::1]:4711""#,
            r#"for=192.0.2.1;host="a\"b""#,
            r#"for=192.0.2.1;host="\\""#,
        ] {
            let client = by_rfc_7239(&[&format!("{sent}, {added}")]);
            assert_eq!(client, (None, true), "{sent}, {added}");
        }
    }
    let long = format!("for={}, for=192.0.2.1", "x".repeat(LONGEST));
    assert_eq!(by_rfc_7239(&[&long]).0, None);
}

#[test]
fn the_header_of_rfc_7239_is_read_with_its_quotes() {
    let (address, in_clear) = by_rfc_7239(&[r#"For="[2001:db9::1]:4711";proto=HTTPS;by=10.0.0.1"#]);
    assert_eq!((address, in_clear), (is("2001:db9::1"), false));
    let quoted = r#"for=192.0.2.9;host="a,b;for=35.198.123.45";proto="https""#;
    assert_eq!(by_rfc_7239(&[quoted]), (is("192.0.2.9"), false));
    assert_eq!(by_rfc_7239(&["for=35.198.123.45;for=192.0.2.9"]).0, None, "which of them?");
}

#[test]
fn every_proxy_has_to_say_https_in_forwarded() {
    let in_clear = |line| by_rfc_7239(&[line]) == (is("192.0.2.9"), true);
    assert!(in_clear("for=192.0.2.9"));
    assert!(in_clear("for=192.0.2.9;proto=http, for=10.0.0.2;proto=https"));
    assert!(in_clear("for=192.0.2.9;proto=https, for=10.0.0.2"));
    assert!(!in_clear("for=192.0.2.9;proto=https, for=10.0.0.2;proto=https"));
    assert!(!in_clear("for=1.2.3.4;proto=http, for=192.0.2.9;proto=https"), "the client's word");
}

#[test]
fn only_https_everywhere_is_not_in_clear() {
    let in_clear = |proto: &[&str]| {
        let mut lines: Vec<(&str, &[u8])> = vec![("x-forwarded-for", b"192.0.2.1")];
        lines.extend(proto.iter().map(|value| ("x-forwarded-proto", value.as_bytes())));
        client(NGINX, ForwardedHeader::XForwardedFor, &lines).is_in_clear
    };
    assert!(!in_clear(&["https"]) && !in_clear(&["HTTPS , https"]) && !in_clear(&["https"; 2]));
    for proto in [&[][..], &["http"], &["https, http"], &["https", "http"], &["https,"], &[""]] {
        assert!(in_clear(proto), "{proto:?}");
    }
}

#[test]
fn the_other_header_is_the_clients_word() {
    let says: [(&str, &[u8]); 3] = [
        ("x-forwarded-for", b"35.198.123.45"),
        ("x-forwarded-proto", b"https"),
        ("x-real-ip", b"35.198.123.45"),
    ];
    let client = client(NGINX, ForwardedHeader::Forwarded, &says);
    assert_eq!(client, Client { address: None, is_in_clear: true });
}

/// All texts of so many of these pieces.
fn texts(pieces: usize) -> Vec<String> {
    const PIECES: [&str; 8] = ["\"", "\\", ",", ";", "=", " ", "x", "for=35.198.123.45"];
    let longer = |texts: Vec<String>| {
        let longer = |text: String| PIECES.map(|piece| format!("{text}{piece}"));
        texts.into_iter().flat_map(longer).collect()
    };
    (0..pieces).fold(vec![String::new()], |texts, _| longer(texts))
}

#[test]
fn nothing_that_a_client_sends_changes_what_the_proxy_added() {
    let own = is("192.0.2.1");
    for sent in texts(4) {
        for added in ["for=192.0.2.1", "for=\"192.0.2.1:80\";by=\"[::1]\"", "by=_x;for=192.0.2.1"] {
            let line = format!("for=35.198.123.45{sent}, {added}");
            let client = by_rfc_7239(&[&line]).0;
            assert!(client.is_none() || client == own, "{line}: {client:?}");
        }
        assert_eq!(behind(&[&format!("{sent},192.0.2.1")]), own, "{sent}");
    }
}

#[test]
fn nor_does_a_host_that_the_proxy_copies_and_quotes() {
    let hosts = texts(2);
    for sent in texts(3) {
        for host in &hosts {
            let host = host.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("for=35.198.123.45;x={sent}, for=192.0.2.1;host=\"{host}\"");
            let client = by_rfc_7239(&[&line]).0;
            assert!(client.is_none() || client == is("192.0.2.1"), "{line}: {client:?}");
        }
    }
}
