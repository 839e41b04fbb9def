//! h01–h10: Meta's handshake, a GET with a verify token.

use axum::http::Request;
use nevent_webhooks::Secret;
use nevent_webhooks::handshake::{HandshakeError, HandshakeTokenError, MetaHandshake};
use nevent_webhooks::scheme::Scheme;
use tower::Service;

use crate::handshake_route::{APP_SECRET, Route, post_of};
use crate::support::{Adapter, Reply, rows};

rows!(
    h01_published_sample,
    h02_wrong_token,
    h03_missing_parameter_or_other_mode,
    h04_doubled_parameter,
    h05_percent_encoded,
    h06_odd_challenge,
    h07_rotation,
    h08_the_webhook_on_the_same_route,
    h09_other_methods,
);

const TOKEN: &str = "meatyhamhock";

async fn start(adapter: Adapter) -> Route {
    Route::start(adapter, &MetaHandshake::new(TOKEN).expect("a token")).await
}

fn query(token: &str, challenge: &str) -> String {
    format!("hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}")
}

#[track_caller]
fn is(reply: &Reply, status: u16, body: &str) {
    reply.is(status, body);
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"), "{reply:?}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
}

async fn forbidden(route: &Route, query: &str) {
    println!("{query}");
    is(&route.get(query).await, 403, "Forbidden");
}

async fn h01_published_sample(adapter: Adapter) {
    let route = start(adapter).await;
    let sample = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
    is(&route.get(sample).await, 200, "1158201444");
    is(&route.get(&format!("a=1&a=2&{sample}&hub.x=%zz&%")).await, 200, "1158201444");
    assert_eq!(route.runs(), 0);
}

async fn h02_wrong_token(adapter: Adapter) {
    let route = start(adapter).await;
    for wrong in ["", "meatyhamhocK", "meatyhamhoc", "meatyhamhockk", "meatyhamhock%00", "+", "%ff"]
    {
        forbidden(&route, &query(wrong, "1158201444")).await;
    }
    is(&route.get(&query(TOKEN, "1158201444")).await, 200, "1158201444");
}

async fn h03_missing_parameter_or_other_mode(adapter: Adapter) {
    let route = start(adapter).await;
    let complete = query(TOKEN, "1158201444");
    for part in complete.split('&') {
        let rest: Vec<_> = complete.split('&').filter(|other| *other != part).collect();
        forbidden(&route, &rest.join("&")).await;
    }
    for mode in ["", "unsubscribe", "Subscribe", "subscribe+", "subscribe%0a"] {
        forbidden(&route, &complete.replace("mode=subscribe", &format!("mode={mode}"))).await;
    }
    for other in ["", "&&", &complete.replace('=', ":"), &complete.replace("hub.", "")] {
        forbidden(&route, other).await;
    }
    let without = "GET /webhooks/whatsapp HTTP/1.1\r\nHost: localhost\r\n\r\n";
    is(&route.send(without).await, 403, "Forbidden");
}

async fn h04_doubled_parameter(adapter: Adapter) {
    let route = start(adapter).await;
    let complete = query(TOKEN, "1158201444");
    for more in [
        "hub.mode=subscribe",
        "hub.verify_token=meatyhamhock",
        "hub.verify_token=another",
        "hub.challenge=2",
        "hub.challenge",
        "hub%2Echallenge=2",
        "%68ub.verify_token=meatyhamhock",
    ] {
        forbidden(&route, &format!("{complete}&{more}")).await;
        forbidden(&route, &format!("{more}&{complete}")).await;
    }
}

async fn h05_percent_encoded(adapter: Adapter) {
    let token = "Grüße & 100% + sonst nichts=";
    let route = Route::start(adapter, &MetaHandshake::new(token).expect("a token")).await;
    let spelt = "Gr%C3%BC%c3%9fe+%26+100%25%20%2B+sonst+nichts%3D";
    is(&route.get(&query(spelt, "%31%5f-x")).await, 200, "1_-x");
    let encoded_names = query(spelt, "1").replace("hub.", "%68%75%62%2e");
    is(&route.get(&encoded_names).await, 200, "1");
    for malformed in ["%", "%4", "%4x", "100%+", "%%2525"] {
        forbidden(&route, &query(malformed, "1")).await;
        forbidden(&route, &query(spelt, malformed)).await;
    }
}

async fn h06_odd_challenge(adapter: Adapter) {
    let route = start(adapter).await;
    let (longest, too_long) = ("a".repeat(128), "a".repeat(129));
    is(&route.get(&query(TOKEN, &longest)).await, 200, &longest);
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for odd in [
        "", &too_long, script, "a+b", "a%20b", "a%0D%0Ab", "%C3%A4", "%ff", "%00", "a.b", "%3C",
        "%3E", "'", "%22", "%26",
    ] {
        forbidden(&route, &query(TOKEN, odd)).await;
    }
}

async fn h07_rotation(adapter: Adapter) {
    let both = MetaHandshake::with_tokens(["the new token", TOKEN]).expect("two tokens");
    let route = Route::start(adapter, &both).await;
    for token in ["the+new+token", TOKEN] {
        is(&route.get(&query(token, "1158201444")).await, 200, "1158201444");
    }
    forbidden(&route, &query("the+new+tokenmeatyhamhock", "1158201444")).await;
}

async fn h08_the_webhook_on_the_same_route(adapter: Adapter) {
    let route = start(adapter).await;
    is(&route.get(&query(TOKEN, "1")).await, 200, "1");
    let body = r#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signer = Scheme::meta().signer(&Secret::new(APP_SECRET).expect("a secret"));
    let path = "/webhooks/whatsapp";
    let genuine = post_of(path, &signer.headers("", body.as_bytes()), body);
    route.send(&genuine).await.is(200, "");
    route.send(&genuine).await.is(200, "Already processed");
    // The token opens the handshake alone.
    let unsigned = post_of(&format!("{path}?{}", query(TOKEN, "1")), &[], body);
    route.send(&unsigned).await.is(401, "Missing signature");
    assert_eq!(route.runs(), 1);
}

async fn h09_other_methods(adapter: Adapter) {
    let route = start(adapter).await;
    let request = |method: &str| {
        let query = query(TOKEN, "1");
        format!(
            "{method} /handshake?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        )
    };
    is(&route.send(&request("GET")).await, 200, "1");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let reply = route.send(&request(method)).await;
        is(&reply, 405, "Method not allowed");
        assert_eq!(reply.header("allow"), Some("GET"));
    }
}

/// Without a socket, because a response to HEAD has the length of a body that does not follow.
#[tokio::test]
async fn h09_head_and_the_reason_of_a_rejection() {
    let mut handshake = MetaHandshake::new(TOKEN).expect("a token");
    let mut answer = async |method, query: String| {
        let request = Request::builder().method(method).uri(format!("/?{query}"));
        let request = request.body(()).expect("a request");
        let response = Service::call(&mut handshake, request).await.expect("infallible");
        (response.status().as_u16(), response.extensions().get::<HandshakeError>().cloned())
    };
    let head = answer("HEAD", query(TOKEN, "1")).await;
    assert_eq!(head, (405, Some(HandshakeError::MethodNotAllowed)));
    assert_eq!(answer("GET", query(TOKEN, "1")).await, (200, None));
    let wrong = answer("GET", query("a_wrong_one", "1")).await;
    assert_eq!(wrong, (403, Some(HandshakeError::WrongToken)));
}

/// Without a socket, because no handshake can be made of such tokens.
#[test]
fn h10_unusable_token_at_construction() {
    let refused = |token: &str| MetaHandshake::new(token).expect_err(token);
    assert_eq!(refused(""), HandshakeTokenError::Empty);
    assert_eq!(refused(" \n"), HandshakeTokenError::Empty);
    assert_eq!(refused("seven_7"), HandshakeTokenError::TooShort { length: 7 });
    for stray in ["meatyhamhock\n", " meatyhamhock", "meaty\0hamhock"] {
        let error = refused(stray);
        assert_eq!(error, HandshakeTokenError::StraySpace);
        assert!(!format!("{error} {error:?}").contains("hamhock"));
    }
    assert!(MetaHandshake::new("eight__8").is_ok());
    let several = |tokens: &[&str]| MetaHandshake::with_tokens(tokens).err();
    assert_eq!(several(&[]), Some(HandshakeTokenError::NoToken));
    assert_eq!(several(&[TOKEN, TOKEN]), Some(HandshakeTokenError::SameTwice));
    assert_eq!(several(&[TOKEN, "token__2", "token__3", "token__4"]), None);
    let five = [TOKEN, "token__2", "token__3", "token__4", "token__5"];
    assert_eq!(several(&five), Some(HandshakeTokenError::TooMany));
    let shown = format!("{:?}", MetaHandshake::new(TOKEN).expect("a token"));
    assert_eq!(shown, "MetaHandshake { .. }");
}
