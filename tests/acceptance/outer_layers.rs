//! b11: bodies that a layer above cuts off. (That its error is the rejection's source:
//! `tests/stacks/src/outer_layers.rs`.)

use std::time::Duration;

use crate::support::{Adapter, Outer, Post, Receiver, rows};

rows!(b11_cut_off_at_a_size, b11_cut_off_at_a_time, b11_not_cut_off);

async fn b11_cut_off_at_a_size(adapter: Adapter) {
    let receiver = Receiver::on(adapter).below(Outer::Limit(100)).start().await;
    let long = Post::new("d-1").body(vec![b'x'; 101]);
    receiver.deliver(&long).await.is(413, "Payload too large");
    receiver.deliver(&long.chunks(vec![50, 50])).await.is(413, "Payload too large");
    assert_eq!(receiver.runs(), 0);
}

async fn b11_cut_off_at_a_time(adapter: Adapter) {
    let outer = Outer::Timeout(Duration::from_millis(100));
    let receiver = Receiver::on(adapter).below(outer).start().await;
    let (head, body) = Post::new("d-1").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..10]].concat()).await;
    connection.reply().await.is(408, "Body timeout");
    assert_eq!(receiver.runs(), 0);
}

async fn b11_not_cut_off(adapter: Adapter) {
    for outer in [Outer::Limit(100), Outer::Timeout(Duration::from_secs(20))] {
        let receiver = Receiver::on(adapter).below(outer).start().await;
        let post = Post::new("d-1").body(vec![b'x'; 100]).chunks(vec![50]);
        receiver.deliver(&post).await.is(200, "");
    }
}
