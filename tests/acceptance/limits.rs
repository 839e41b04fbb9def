//! d20, d21: how many handlers may be at work, and who may hold their places.

use std::time::Duration;

use nevent_webhooks::{DedupeOptions, Incident};

use crate::support::{Adapter, OTHER_SECRET, Post, Receiver, eventually, rows};

rows!(d20_too_many_in_flight, d21_forgeries_hold_no_permit);

async fn d20_too_many_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.options(DedupeOptions::new().max_in_flight(2)).start().await;
    let numbered = |n: usize| Post::new(&format!("d{n}")).body(format!("{n}"));
    let mut first = receiver.start(&numbered(1)).await;
    let second = receiver.start(&numbered(2)).await;
    eventually("both handlers run", || receiver.runs() == 2).await;
    // One whose client has gone counts as well.
    second.reset();
    eventually("it is detached", || receiver.incidents(Incident::MovedToBackground) == 1).await;
    receiver.deliver(&numbered(3)).await.is(503, "Try again later");
    assert_eq!(receiver.incidents(Incident::TooManyInFlight), 1);
    gate.let_pass(3);
    first.reply().await.is(200, "");
    receiver.idle().await;
    receiver.deliver(&numbered(3)).await.is(200, "");
    assert_eq!(receiver.runs(), 3);
}

async fn d21_forgeries_hold_no_permit(adapter: Adapter) {
    // The forgeries stall for longer than a client waits.
    let ever = Duration::from_secs(600);
    let setup = Receiver::on(adapter).concurrency_limit(1);
    let setup = setup.verify(move |options| options.stall_timeout(ever).body_timeout(ever));
    let receiver = setup.start().await;
    let mut forgeries = Vec::new();
    for n in 0..100 {
        let (head, body) = Post::new(&format!("f{n}")).secret(OTHER_SECRET).wire(receiver.now());
        let mut connection = receiver.connect().await;
        connection.send(&[&head, &body[..10]].concat()).await;
        forgeries.push(connection);
    }
    for n in 0..10 {
        let genuine = Post::new(&format!("d{n}")).body(format!("{n}"));
        receiver.deliver(&genuine).await.is(200, "");
    }
    assert_eq!(receiver.runs(), 10);
}
