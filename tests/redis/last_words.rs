//! Somebody who hangs up, and what they say.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::refusals::{refusal, says};

/// What is not a Redis server's may be anything, and ends up in a terminal.
#[tokio::test]
async fn the_last_words_of_a_server_cannot_steer_a_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let hangs_up = async {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.write_all(b"-ERR \x1b]0;title\x07go\x1b[31m away\r\n").await;
        }
    };
    let error = tokio::select! {
        error = refusal(&url) => error,
        () = hangs_up => unreachable!("it goes on"),
    };
    says(&error, &["ERR ]0;titlego[31m away"]);
    assert!(!error.chars().any(char::is_control), "{error:?}");
}
