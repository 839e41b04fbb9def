//! The error text of a server that hangs up.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::refusals::{refusal, says};

/// A server that is not Redis may answer with anything, and the error may end up in a terminal.
#[tokio::test]
async fn a_servers_last_words_hold_no_control_characters() {
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
