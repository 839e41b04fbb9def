//! Frameworks that are neither Tower nor actix-web, over a socket. The guide shows the two
//! files beside this one word for word.

mod poem;
mod rocket;

use std::net::SocketAddr;
use std::time::Duration;

use ::poem::listener::{Acceptor, Listener, TcpListener};
use ::rocket::Config;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::receiver::{BODY, genuine, layers, text};

#[test]
fn the_guide_shows_these_bridges() {
    let guide = include_str!("../../../docs/other_frameworks.md");
    for shown in [include_str!("bridges/poem.rs"), include_str!("bridges/rocket.rs")] {
        assert!(guide.contains(shown), "docs/other_frameworks.md lacks:\n{shown}");
    }
}

#[tokio::test]
async fn poem_over_a_socket() {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    let (verify, dedupe) = layers();
    tokio::spawn(::poem::Server::new_with_acceptor(acceptor).run(poem::app(verify, dedupe)));
    assert_handled_once(address).await;
}

#[tokio::test]
async fn rocket_over_a_socket() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = Config { port, log_level: ::rocket::config::LogLevel::Off, ..Config::default() };
    let (verify, dedupe) = layers();
    let rocket = ::rocket::custom(config).mount("/", rocket::routes(verify, dedupe));
    tokio::spawn(rocket.launch());
    assert_handled_once(SocketAddr::from(([127, 0, 0, 1], port))).await;
}

/// A repeat is answered for, and what is wrong is refused with the layers' own responses.
async fn assert_handled_once(address: SocketAddr) {
    for expected in ["handled fan.created dlv_1", "Already processed"] {
        let response = send(address, genuine(BODY.to_owned())).await;
        assert_eq!(response.status(), 200);
        assert_eq!(text(response).await, expected);
    }

    let forged = genuine(BODY.replace("evt_1", "evt_2"));
    let response = send(address, forged).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Nevent-Signature");
    assert_eq!(text(response).await, "Invalid signature");

    let response = send(address, genuine("x".repeat(1024 * 1024 + 1))).await;
    assert_eq!(response.status(), 413);
}

/// Connects when the server listens, which Rocket does not tell.
async fn send(address: SocketAddr, mut request: Request<String>) -> Response<Incoming> {
    *request.uri_mut() = "/webhooks/nevent".parse().unwrap();
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    let stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}
