use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::Request;
use http_body_util::{BodyExt, Collected, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nevent_webhooks::{Clock, SystemClock};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;
/// Status, text, and whether there was a `Retry-After`; or the end of the connection.
pub type Answer = hyper::Result<(u16, String, bool)>;

/// One connection, closed when dropped.
pub struct Client {
    sender: SendRequest<Body>,
    connection: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let stream = TokioIo::new(stream);
        let (sender, connection) = handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        let connection = tokio::spawn(async move { drop(connection.await) });
        Self { sender, connection }
    }

    /// Sends so many bodies at once, each of so many bytes and without an end.
    pub fn stall(&self, streams: usize, bytes: usize) -> JoinSet<Answer> {
        let piece = Bytes::from(vec![b' '; bytes]);
        (0..streams).map(|_| self.stall_once(piece.clone())).collect()
    }

    /// Sends these bytes of a body, and never its end.
    pub fn stall_once(&self, bytes: Bytes) -> impl Future<Output = Answer> + use<> {
        let frames = stream::iter([Ok(Frame::data(bytes))]).chain(stream::pending());
        answer(self.sender.clone(), request("stalled", &forged(), frames.boxed()))
    }

    /// Sends a body that nobody has signed.
    pub async fn forge(&self, body: Bytes) -> Answer {
        let frames = stream::iter([Ok(Frame::data(body))]);
        answer(self.sender.clone(), request("forged", &forged(), frames.boxed())).await
    }

    /// Sends a genuine delivery of so many bytes.
    pub async fn deliver(&self, id: &str, bytes: usize) -> Answer {
        let body = Bytes::from(vec![b' '; bytes]);
        let signature = crate::secrets::signature(&body);
        let frames = stream::iter([Ok(Frame::data(body))]);
        answer(self.sender.clone(), request(id, &signature, frames.boxed())).await
    }
}

/// Well formed, and not the secret's.
fn forged() -> String {
    format!("t={},v1={}", SystemClock.unix_seconds(), "0".repeat(64))
}

fn request(
    id: &str,
    signature: &str,
    frames: BoxStream<'static, Result<Frame<Bytes>, Infallible>>,
) -> Request<Body> {
    Request::post("http://localhost/webhooks/nevent")
        .header("x-nevent-delivery", id)
        .header("x-nevent-signature", signature)
        .body(StreamBody::new(frames))
        .unwrap()
}

async fn answer(mut sender: SendRequest<Body>, request: Request<Body>) -> Answer {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    // A server that refuses a body may reset the stream behind its answer.
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let retry_after = head.headers.contains_key("retry-after");
    Ok((head.status.as_u16(), String::from_utf8_lossy(&body).into_owned(), retry_after))
}

/// Runs a check again and again until it holds.
pub async fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..2000 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("did not come about within 20 s: {what}");
}
