//! Hosts that are silent, and connections that end at the wrong moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::engine::{Work, sender};
use crate::scene::{Scene, options};
use crate::support::eventually;
use crate::support::sender::Sent;

/// An address that does not answer: its listener accepts nothing, and has no more room.
async fn silent() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
        waiting.push(stream.expect("a connection"));
    }
    (listener, waiting)
}

#[tokio::test]
async fn a_silent_host_leaves_time_for_the_next() {
    let (scene, silent) = (Scene::new().await, silent().await);
    let first = format!("@{},127.0.0.1:", silent.0.local_addr().expect("an address"));
    let url = scene.database.url();
    assert!(url.contains("@127.0.0.1:"), "{url}");
    let options = options(&url.replace("@127.0.0.1:", &first)).connections(2);
    options.migrate().await.expect("the second host");
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

/// Ends the first connection that listens, before the server is asked to.
async fn cutting(server: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let has_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&has_cut);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.expect("a server");
            tokio::spawn(forward(client, server, Arc::clone(&cut)));
        }
    });
    (address, has_cut)
}

async fn forward(mut client: TcpStream, mut server: TcpStream, has_cut: Arc<AtomicBool>) {
    let (mut asked, mut answered) = ([0; 8192], [0; 8192]);
    loop {
        tokio::select! {
            Ok(length @ 1..) = client.read(&mut asked) => {
                let asked = &asked[..length];
                let listens = asked.windows(6).any(|word| word == b"LISTEN");
                if listens && !has_cut.swap(true, Ordering::Relaxed) {
                    return;
                }
                server.write_all(asked).await.expect("a server");
            }
            Ok(length @ 1..) = server.read(&mut answered) => {
                let _ = client.write_all(&answered[..length]).await;
            }
            else => return,
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_it_listens_is_opened_again() {
    let scene = Scene::new().await;
    let url = scene.database.url();
    let port = url.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
    let server = format!("127.0.0.1:{}", port.expect("a port"));
    let (proxy, has_cut) = cutting(server.parse().expect("an address")).await;
    let through = options(&url.replace(&server, &proxy.to_string()));
    // It would not find the entries in time by asking.
    let work = Work::start(&through.poll_every(Duration::from_secs(3_600)), |_| false).await;
    eventually("the connection is cut", async || has_cut.load(Ordering::Relaxed)).await;
    let sender = scene.sender().await;
    for number in 0..2 {
        sender.deliver(&Sent::single(number)).await;
        let count = usize::try_from(number).expect("few") + 1;
        eventually("it is handled", async || work.count() == count).await;
    }
    work.stop().await;
}
