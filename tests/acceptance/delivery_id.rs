//! i01–i03: the delivery id, checked after the signature.

use crate::support::{Adapter, OTHER_SECRET, Post, Receiver, rows};

rows!(i01_missing_id, i02_malformed_id, i03_victims_id);

async fn i01_missing_id(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("").without_id()).await.is(400, "Missing delivery id");
    let forged = Post::new("").without_id().secret(OTHER_SECRET);
    receiver.deliver(&forged).await.is(401, "Invalid signature");
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&Post::new("i")).await.is(200, "");
}

async fn i02_malformed_id(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let with_id = |id: &[u8]| Post::new("").without_id().header("X-Nevent-Delivery", id);
    for id in [b"".as_slice(), &[b'x'; 129], b"a\tb", "é".as_bytes(), b"a\xff"] {
        receiver.deliver(&with_id(id)).await.is(400, "Malformed delivery id");
    }
    let two_lines = Post::new("i").header("X-Nevent-Delivery", "i");
    receiver.deliver(&two_lines).await.is(400, "Malformed delivery id");
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&with_id(&[b'x'; 128])).await.is(200, "");
}

async fn i03_victims_id(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("i").secret(OTHER_SECRET)).await.is(401, "Invalid signature");
    receiver.deliver(&Post::new("i")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}
