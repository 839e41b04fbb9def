//! hyper's server without a framework: requests with the body `Incoming`, which
//! only a connection makes.

use std::net::SocketAddr;

use hyper::client;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

use crate::receiver::{BODY, genuine, handle, layers, text};

#[tokio::test]
async fn over_a_socket() {
    let address = serve_one_connection().await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);

    for expected in ["handled fan.created dlv_1", "Already processed"] {
        let response = sender.send_request(genuine(BODY.to_owned())).await.unwrap();
        assert_eq!(text(response).await, expected);
    }
}

async fn serve_one_connection() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(stack);
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
    });
    address
}
