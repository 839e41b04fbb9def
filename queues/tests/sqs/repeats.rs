//! A server that answers with messages that it has delivered before.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks_queues::sqs::SqsDeadLetters;

use crate::server::{Server, options};
use crate::support::receiver::spawn;

/// The first answer with messages.
type First = Arc<Mutex<Vec<Bytes>>>;

#[tokio::test]
async fn an_answer_without_new_messages_ends_no_list() {
    let server = Server::shared().await;
    drop(server.options("repeated").await);
    for number in 0..12 {
        server.send("repeated-dead", &format!("odd {number}")).await;
    }
    let (first, port) = (First::default(), server.port);
    let answers = Arc::clone(&first);
    let app =
        Router::new().fallback(move |request: Request| pass(request, port, Arc::clone(&answers)));
    let options = options(spawn(app).await.port(), "repeated");
    let dead = SqsDeadLetters::connect(&options).await.expect("a server");
    assert_eq!(dead.list(100).await.expect("a server").len(), 12);
    assert_eq!(first.lock().expect("no panic").len(), 2, "it was repeated");
}

/// Passes a request on, but for the second one for messages: it is answered as the first was.
async fn pass(request: Request, port: u16, first: First) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target");
    let takes = target.is_some_and(|target| target.as_bytes().ends_with(b".ReceiveMessage"));
    if takes {
        let mut first = first.lock().expect("no panic");
        if first.len() == 1 {
            let answer = first[0].clone();
            first.push(answer.clone());
            return Response::new(Body::from(answer));
        }
    }
    let body = body.collect().await.expect("a request").to_bytes();
    let mut request = hyper::Request::from_parts(parts, Full::new(body));
    let path = request.uri().path().to_owned();
    *request.uri_mut() = format!("http://127.0.0.1:{port}{path}").parse().expect("an address");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.expect("a server").into_parts();
    let answer = body.collect().await.expect("an answer").to_bytes();
    let mut first = first.lock().expect("no panic");
    if takes && first.is_empty() {
        first.push(answer.clone());
    }
    Response::from_parts(parts, Body::from(answer))
}
