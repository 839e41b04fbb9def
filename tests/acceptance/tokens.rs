//! tk01–tk08, tk12, tk13: which requests a route for a sender that signs nothing accepts. The other
//! rows are in `tokens_once`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nevent_webhooks::VerifyOptions;
use nevent_webhooks::scheme::Terms;
use nevent_webhooks::token::{Token, TokenLayer};

use crate::support::tokens::{Sent, TokenReceiver};
use crate::support::{Adapter, Post, Reply, rows};

rows!(
    tk01_the_right_token,
    tk02_a_wrong_token,
    tk03_no_token,
    tk04_two_lines,
    tk05_rotation,
    tk06_a_body_that_never_comes,
    tk06_expect_continue,
    tk07_basic_authentication,
    tk08_only_signed_deliveries_are_deliveries,
    tk12_a_sender_that_a_401_stops,
    tk13_limits_of_the_body,
);

pub(super) const TOKEN: &str = "k5EKJQnf9sMX2vYzJdHG3L8pR";
pub(super) const PREVIOUS: &str = "0aVnD4bWmTzq7RsuPyXc1LfEh";
pub(super) const HEADER: &str = "x-make-apikey";

pub(super) fn token() -> Token {
    Token::header(HEADER, TOKEN).expect("a token")
}

/// A request with the right token.
pub(super) fn sent(body: &str) -> Sent {
    Sent::new(body).header(HEADER, TOKEN)
}

#[track_caller]
pub(super) fn is(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.body.as_str()), (status, body), "{reply:?}");
}

#[track_caller]
fn is_401(reply: &Reply, body: &str, challenge: &str) {
    is(reply, 401, body);
    assert_eq!(reply.header("www-authenticate"), Some(challenge), "{reply:?}");
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

async fn tk01_the_right_token(adapter: Adapter) {
    let bearer = Token::bearer(TOKEN).expect("a token");
    let user = Token::basic("mailjet", TOKEN).expect("a user");
    for (token, header, value) in [
        (token(), "X-Make-Apikey", TOKEN.to_owned()),
        (bearer, "Authorization", format!("Bearer {TOKEN}")),
        (user, "Authorization", basic(&format!("mailjet:{TOKEN}"))),
    ] {
        let receiver = TokenReceiver::start(adapter, TokenLayer::new(token.named("right"))).await;
        is(&receiver.send(&Sent::new("{}").header(header, value)).await, 202, "");
        let seen = &receiver.seen()[0];
        assert_eq!((seen.token().name(), seen.token().sender()), ("right", "token"));
        assert_eq!(seen.body(), "{}");
        assert!(seen.claim().is_some(), "a DedupeLayer is above the handler");
        assert!(!format!("{seen:?} {:?}", seen.token()).contains(TOKEN));
    }
}

async fn tk02_a_wrong_token(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    let start = &TOKEN[..TOKEN.len() - 1];
    for wrong in [
        PREVIOUS.to_owned(),
        start.to_owned(),
        format!("{start}x"),
        format!("{TOKEN}x"),
        format!("{TOKEN}{TOKEN}"),
        format!("{TOKEN}, {TOKEN}"),
        format!("Bearer {TOKEN}"),
        TOKEN.to_lowercase(),
        String::new(),
        "x".repeat(4097),
    ] {
        let reply = receiver.send(&Sent::new("{}").header(HEADER, wrong)).await;
        is_401(&reply, "Invalid token", "Token");
    }
    assert_eq!(receiver.runs(), 0);
    is(&receiver.send(&sent("{}")).await, 202, "");
}

async fn tk03_no_token(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    is_401(&receiver.send(&Sent::new("{}")).await, "Missing token", "Token");
    let signed = Sent::new("{}").header("X-Nevent-Signature", Post::new("d").body("{}").right(0));
    is_401(&receiver.send(&signed).await, "Missing token", "Token");
    let elsewhere = Sent::new("{}").header("Authorization", format!("Bearer {TOKEN}"));
    is_401(&receiver.send(&elsewhere).await, "Missing token", "Token");
    assert_eq!(receiver.runs(), 0);
}

async fn tk04_two_lines(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    is_401(&receiver.send(&sent("{}").header(HEADER, TOKEN)).await, "Invalid token", "Token");
    is_401(&receiver.send(&sent("{}").header(HEADER, "x")).await, "Invalid token", "Token");
    assert_eq!(receiver.runs(), 0);
}

async fn tk05_rotation(adapter: Adapter) {
    let previous = Token::header(HEADER, PREVIOUS).expect("a token").named("previous");
    let current = token().named("current");
    let layer = TokenLayer::builder([current.clone(), previous.clone()]).name("make").build();
    let receiver = TokenReceiver::start(adapter, layer.expect("two tokens")).await;
    is(&receiver.send(&Sent::new("1").header(HEADER, PREVIOUS)).await, 202, "");
    is(&receiver.send(&sent("2")).await, 202, "");
    is(&receiver.send(&sent("3")).await, 202, "");
    is_401(&receiver.send(&Sent::new("4").header(HEADER, "x")).await, "Invalid token", "Token");
    let seen = receiver.seen();
    let names: Vec<_> = seen.iter().map(|delivery| delivery.token().name()).collect();
    assert_eq!(names, ["previous", "current", "current"]);
    assert_eq!(seen[0].token().sender(), "make");
    assert_eq!((current.matches(), previous.matches()), (2, 1));
}

async fn tk06_a_body_that_never_comes(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    let head = Sent::new("{}").header(HEADER, PREVIOUS).head();
    let reply = receiver.connection(&head).await.reply().await;
    is_401(&reply, "Invalid token", "Token");
}

async fn tk06_expect_continue(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    let expecting = |request: Sent| request.header("Expect", "100-continue");
    let reply = receiver.connection(&expecting(Sent::new("{}")).head()).await.reply().await;
    is_401(&reply, "Missing token", "Token");
    // actix asks for every body by itself, before anybody has seen the head.
    let asked = reply.continued && adapter.judges_before_the_body_is_asked_for();
    assert!(!asked, "the body was asked for although it could not matter");

    let right = expecting(sent("{}"));
    let mut connection = receiver.connection(&right.head()).await;
    connection.asked_for_the_body().await;
    connection.send(b"{}").await;
    is(&connection.reply().await, 202, "");
}

async fn tk07_basic_authentication(adapter: Adapter) {
    let token = Token::basic("mailjet", TOKEN).expect("a user");
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token)).await;
    let send = async |body: &str, value: String| {
        receiver.send(&Sent::new(body).header("Authorization", value)).await
    };
    let right = STANDARD.encode(format!("mailjet:{TOKEN}"));
    for wrong in [
        basic(&format!("other:{TOKEN}")),
        basic(&format!("mailjet:{PREVIOUS}")),
        basic(&format!("mailjet:{TOKEN}:")),
        basic(&format!("Mailjet:{TOKEN}")),
        basic(&format!("mailjet{TOKEN}")),
        basic(TOKEN),
        basic(""),
        format!("Basic {}", right.trim_end_matches('=')) + "*",
        format!("Basic {right} {right}"),
        format!("Basic mailjet:{TOKEN}"),
        format!("Bearer {right}"),
        format!("Basic{right}"),
        right.clone(),
        "Basic".to_owned(),
    ] {
        let reply = send("{}", wrong).await;
        is_401(&reply, "Invalid token", r#"Basic realm="webhook""#);
    }
    let missing = receiver.send(&Sent::new("{}")).await;
    is_401(&missing, "Missing token", r#"Basic realm="webhook""#);
    assert_eq!(receiver.runs(), 0);
    for scheme in ["Basic", "basic", "BASIC", "bAsIc  "] {
        is(&send(scheme, format!("{scheme} {right}")).await, 202, "");
    }
}

async fn tk08_only_signed_deliveries_are_deliveries(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    let paths: &[_] = match adapter {
        Adapter::Hyper => &["/event", "/batch"],
        _ => &["/delivery", "/event", "/batch"],
    };
    for path in paths {
        for _ in 0..2 {
            let reply = receiver.send(&sent(path).to(path)).await;
            let text = "This route has a nevent_webhooks::token::TokenLayer, so nothing is signed. \
                 Take a TokenDelivery in the handler, or verify signatures with a VerifyLayer";
            is(&reply, 500, text);
        }
    }
    if adapter != Adapter::Hyper {
        let reply = receiver.send(&sent("{}").to("/bare")).await;
        let start = "This route has no nevent_webhooks::token::TokenLayer. Add it: ";
        assert!(reply.status == 500 && reply.body.starts_with(start), "{reply:?}");
    }
    assert_eq!(receiver.runs(), 0);
}

async fn tk12_a_sender_that_a_401_stops(adapter: Adapter) {
    let layer = TokenLayer::builder([token()]).terms(Terms::new().forbidden_for_unauthorized());
    let receiver = TokenReceiver::start(adapter, layer.build().expect("a layer")).await;
    for (request, text) in [
        (Sent::new("{}"), "Missing token"),
        (Sent::new("{}").header(HEADER, PREVIOUS), "Invalid token"),
        (sent("{}").header(HEADER, TOKEN), "Invalid token"),
    ] {
        let reply = receiver.send(&request).await;
        is(&reply, 403, text);
        assert_eq!(reply.header("www-authenticate"), None);
    }
    is(&receiver.send(&sent("{}")).await, 202, "");
}

async fn tk13_limits_of_the_body(adapter: Adapter) {
    let options = VerifyOptions::new().body_limit(10);
    let layer = TokenLayer::builder([token()]).options(options).build().expect("a layer");
    let receiver = TokenReceiver::start(adapter, layer.clone()).await;
    is(&receiver.send(&sent("eleven byte")).await, 413, "Payload too large");
    let gzip = receiver.send(&sent("{}").header("Content-Encoding", "gzip")).await;
    is(&gzip, 415, "Unsupported content encoding");
    assert_eq!(receiver.runs(), 0);
    is(&receiver.send(&sent("ten bytes.")).await, 202, "");
    is_401(&receiver.send(&Sent::new("eleven byte")).await, "Missing token", "Token");
    assert_eq!((layer.unverified_bytes(), layer.budget_rejections()), (0, 0));
}
