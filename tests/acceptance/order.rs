//! The order of judgement (`Config::verify` in `src/layer/verify.rs`).

use crate::support::{Adapter, OTHER_SECRET, Post, Receiver, rows};

rows!(the_first_fault_is_reported);

/// Each request is the one before it with one more fault, which is checked earlier.
async fn the_first_fault_is_reported(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("taken").body("{}")).await.is(200, "");
    let reused = Post::new("taken");
    let without_id = reused.clone().without_id();
    let old = without_id.clone().age(301);
    let forged = old.clone().secret(OTHER_SECRET);
    let too_long = forged.clone().header("Content-Length", "1048577");
    let encoded = too_long.clone().header("Content-Encoding", "gzip");
    let malformed = encoded.clone().signature("t=1");
    for (post, status, text) in [
        (reused, 422, "Delivery id reused"),
        (without_id, 400, "Missing delivery id"),
        (old, 401, "Timestamp too old"),
        (forged, 401, "Invalid signature"),
        (too_long, 413, "Payload too large"),
        (encoded, 415, "Unsupported content encoding"),
        (malformed, 401, "Malformed signature"),
    ] {
        receiver.deliver(&post).await.is(status, text);
    }
    assert_eq!(receiver.runs(), 1);
}
