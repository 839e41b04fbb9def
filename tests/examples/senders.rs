//! The example that receives from several senders.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nevent_webhooks::Secret;
use nevent_webhooks::scheme::Scheme;

use super::example::{Receiver, example};
use super::secrets::{SECRET, secret};
use super::{now, text};

const OTHERS: [(&str, &str); 4] = [
    ("STRIPE_WEBHOOK_SECRET", "whsec_test_secret_0123456789abcdef"),
    ("GITHUB_WEBHOOK_SECRET", "4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f"),
    ("META_APP_SECRET", "9b1d5e0c7a3f4286b0c9d8e7f6a5b4c3"),
    ("META_VERIFY_TOKEN", "meatyhamhock"),
];

type Headers = Vec<(&'static str, String)>;

/// Sends a delivery, and returns the status and the body of the response.
fn post(receiver: &Receiver, sender: &str, headers: &Headers, body: &str) -> (u16, String) {
    let headers: String =
        headers.iter().flat_map(|(name, value)| [name, ": ", value.as_str(), "\r\n"]).collect();
    let request = format!(
        "POST /webhooks/{sender} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(receiver, &request)
}

fn send(receiver: &Receiver, request: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(("127.0.0.1", receiver.port)).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    connection.write_all(request.as_bytes()).expect("it is read");
    let mut response = String::new();
    connection.read_to_string(&mut response).expect("a response");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

fn other(index: usize) -> Secret {
    secret(OTHERS[index].1)
}

/// A sender's name, the genuine headers of a body, and the body.
fn deliveries() -> [(&'static str, Headers, &'static str); 4] {
    let now = now().parse().expect("a number");
    let nevent =
        r#"{"id":"evt_1","type":"fan.created","created":1,"data":{},"organization_id":"o"}"#;
    let stripe = r#"{"id":"evt_1","object":"event","type":"invoice.paid"}"#;
    let github = r#"{"zen":"Design for failure."}"#;
    let whatsapp =
        r#"{"entry":[{"changes":[{"value":{"messages":[{"id":"wamid.1"},{"id":"wamid.2"}]}}]}]}"#;
    let mut github_headers = Scheme::github().signer(&other(1)).headers("d-1", github.as_bytes());
    github_headers.push(("X-GitHub-Event", "ping".to_owned()));
    let nevent_signer = Scheme::nevent().signer(&secret(SECRET));
    let stripe_signer = Scheme::stripe().signer(&other(0));
    [
        ("nevent", nevent_signer.headers("d-1", now, nevent.as_bytes()), nevent),
        ("stripe", stripe_signer.headers("", now, stripe.as_bytes()), stripe),
        ("github", github_headers, github),
        ("whatsapp", Scheme::meta().signer(&other(2)).headers("", whatsapp.as_bytes()), whatsapp),
    ]
}

#[test]
fn metas_handshake_is_answered_on_the_route_of_the_webhook() {
    let receiver = Receiver::start("senders", &OTHERS);
    let get = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let target = format!("/webhooks/whatsapp?{query}");
        let head = format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        send(&receiver, &head)
    };
    assert_eq!(get("meatyhamhock"), (200, "1158201444".to_owned()));
    assert_eq!(get("another-token"), (403, "Forbidden".to_owned()));
}

#[test]
fn each_sender_is_received_once() {
    let receiver = Receiver::start("senders", &OTHERS);
    for (sender, headers, body) in deliveries() {
        let send = |body: &str| post(&receiver, sender, &headers, body);
        assert_eq!(send(&format!("{body} ")), (401, "Invalid signature".to_owned()), "{sender}");
        assert_eq!(send(body), (200, String::new()), "{sender}");
        assert_eq!(send(body), (200, "Already processed".to_owned()), "{sender}");
    }
    assert_eq!(
        receiver.stop(),
        "nevent fan.created evt_1\n\
         stripe invoice.paid evt_1\n\
         github ping d-1\n\
         whatsapp message wamid.1\n\
         whatsapp message wamid.2\n"
    );
}

#[test]
fn no_sender_is_taken_for_another() {
    let receiver = Receiver::start("senders", &OTHERS);
    let [_, (_, stripe, event), (_, github, ping), _] = deliveries();
    let missing = (401, "Missing signature".to_owned());
    assert_eq!(post(&receiver, "nevent", &stripe, event), missing);
    // GitHub and Meta have one scheme, and each its own secret.
    let wrong = (401, "Invalid signature".to_owned());
    assert_eq!(post(&receiver, "whatsapp", &github, ping), wrong);
    assert_eq!(receiver.stop(), "");
}

#[test]
fn what_is_no_event_is_sent_again() {
    let receiver = Receiver::start("senders", &OTHERS);
    let headers = Scheme::meta().signer(&other(2)).headers("", b"[]");
    for _ in 0..2 {
        let malformed = (400, "Malformed event".to_owned());
        assert_eq!(post(&receiver, "whatsapp", &headers, "[]"), malformed);
    }
    receiver.stop();
}

#[test]
fn each_secret_is_required() {
    let all = [&OTHERS[..], &[("NEVENT_WEBHOOK_SECRET", SECRET)]].concat();
    for (missing, _) in &all {
        let others = all.iter().copied().filter(|(name, _)| name != missing);
        let output = example("senders").envs(others).output().expect("the example is built");
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(&format!("{missing} is not set")), "{output:?}");
    }
}
