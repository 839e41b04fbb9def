//! b10: the budget that all unverified bodies share. (Over HTTP/2: `tests/stacks/tests/http2`.)

use crate::support::{Adapter, Connection, Post, Receiver, eventually, rows};

rows!(
    b10_bodies_beyond_the_budget,
    b10_bytes_count_until_the_verdict,
    b10_a_budget_below_the_limit_takes_one_body,
    b10_clones_share_one_budget,
);

const LIMIT: usize = 64 * 1024;

/// Sends all of a body but its last byte.
async fn stall(receiver: &Receiver, id: &str) -> Connection {
    let (head, body) = Post::new(id).body(vec![b'x'; LIMIT]).wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..LIMIT - 1]].concat()).await;
    connection
}

/// Waits until so many bodies have come as far as that.
async fn held(receiver: &Receiver, bodies: usize) {
    let least = bodies * (LIMIT - 1);
    eventually("the bodies arrived", || receiver.verify.unverified_bytes() >= least).await;
}

async fn b10_bodies_beyond_the_budget(adapter: Adapter) {
    let limited = |layer: nevent_webhooks::VerifyOptions| {
        layer.body_limit(LIMIT).unverified_budget(4 * LIMIT).stall_timeout(LONG).body_timeout(LONG)
    };
    let receiver = Receiver::on(adapter).verify(limited).start().await;
    let mut stalled = Vec::new();
    for number in 1..=4 {
        stalled.push(stall(&receiver, &format!("stalled-{number}")).await);
        held(&receiver, number).await;
    }
    // The newest, however small, and whoever it is from.
    let mut newest = stall(&receiver, "newest").await;
    newest.reply().await.is(503, "Try again later");
    receiver.deliver(&Post::new("genuine")).await.is(503, "Try again later");
    assert_eq!((receiver.runs(), receiver.verify.budget_rejections()), (0, 2));
    assert!(receiver.verify.unverified_bytes() <= 4 * LIMIT);

    // A client that goes leaves its room to others.
    stalled.pop().expect("four").reset();
    eventually("room", || receiver.verify.unverified_bytes() <= 3 * LIMIT).await;
    receiver.deliver(&Post::new("genuine")).await.is(200, "");
    assert_eq!((receiver.runs(), receiver.verify.budget_rejections()), (1, 2));
    for connection in stalled {
        connection.reset();
    }
    eventually("all is given back", || receiver.verify.unverified_bytes() == 0).await;
}

const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// A handler at work holds none of the budget.
async fn b10_bytes_count_until_the_verdict(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let limited = |layer: nevent_webhooks::VerifyOptions| layer.body_limit(LIMIT);
    let limited = move |layer| limited(layer).unverified_budget(LIMIT);
    let receiver = setup.verify(limited).start().await;
    let mut at_work = Vec::new();
    for number in 0..3 {
        let post = Post::new(&format!("d-{number}")).body(vec![b'0' + number; LIMIT]);
        at_work.push(receiver.start(&post).await);
        eventually("it is at work", || receiver.runs() > usize::from(number)).await;
    }
    assert_eq!(receiver.verify.unverified_bytes(), 0);
    // A body that was rejected, by its signature or at a limit, holds none either.
    let forged = Post::new("forged").body(vec![b'x'; LIMIT]).signature(format!("t=1,v1={:064}", 0));
    receiver.deliver(&forged).await.is(401, "Invalid signature");
    let long = Post::new("long").body(vec![b'x'; LIMIT + 1]).chunks(vec![LIMIT, 1]);
    receiver.deliver(&long).await.is(413, "Payload too large");
    eventually("all is given back", || receiver.verify.unverified_bytes() == 0).await;
    gate.let_pass(3);
    for mut connection in at_work {
        connection.reply().await.is(200, "");
    }
    assert_eq!(receiver.verify.budget_rejections(), 0);
}

/// Otherwise no body of that length could ever be received.
async fn b10_a_budget_below_the_limit_takes_one_body(adapter: Adapter) {
    let limited = |layer: nevent_webhooks::VerifyOptions| layer.unverified_budget(0);
    let receiver = Receiver::on(adapter).verify(limited).start().await;
    let longest = Post::new("longest").body(vec![b'x'; 1024 * 1024]);
    receiver.deliver(&longest).await.is(200, "");
    assert_eq!(receiver.verify.budget_rejections(), 0);
}

async fn b10_clones_share_one_budget(adapter: Adapter) {
    let budget = 2 * LIMIT;
    let (one, other) = {
        let setup = Receiver::on(adapter).verify(move |options| {
            options
                .body_limit(LIMIT)
                .unverified_budget(budget)
                .stall_timeout(LONG)
                .body_timeout(LONG)
        });
        let one = setup.start().await;
        let other = Receiver::on(adapter).verify_layer(one.verify.clone()).start().await;
        (one, other)
    };
    let _stalled = [stall(&one, "d-1").await, stall(&one, "d-2").await];
    held(&one, 2).await;
    other.deliver(&Post::new("d-3")).await.is(503, "Try again later");
    assert_eq!((one.verify.budget_rejections(), other.verify.budget_rejections()), (1, 1));
    assert_eq!(other.verify.unverified_bytes(), one.verify.unverified_bytes());
}
