//! t01–t07: the least and greatest age of a signature. A clock is driven; nothing waits.

use std::time::Duration;

use nevent_webhooks::Tolerance;

use crate::support::{Adapter, OTHER_SECRET, Post, Receiver, eventually, rows};

rows!(
    t01_300_seconds_old,
    t02_301_seconds_old,
    t03_301_seconds_old_and_forged,
    t04_300_seconds_ahead,
    t05_301_seconds_ahead,
    t06_too_old_when_the_body_ends,
    t07_wall_clock_steps_while_in_flight,
);

async fn t01_300_seconds_old(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("t").age(300)).await.is(200, "");
    assert_eq!(receiver.seen()[0].verified().age(), Some(300));
    assert_eq!(receiver.seen()[0].verified().timestamp(), Some(receiver.now() - 300));
}

async fn t02_301_seconds_old(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("t").age(301)).await.is(401, "Timestamp too old");
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&Post::new("t")).await.is(200, "");
}

async fn t03_301_seconds_old_and_forged(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let forged = Post::new("t").age(301).secret(OTHER_SECRET);
    receiver.deliver(&forged).await.is(401, "Invalid signature");
}

async fn t04_300_seconds_ahead(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("t").age(-300)).await.is(200, "");
    assert_eq!(receiver.seen()[0].verified().age(), Some(-300));
}

async fn t05_301_seconds_ahead(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("t").age(-301)).await.is(401, "Timestamp too new");
    let milliseconds = Post::new("t").age(receiver.now() - receiver.now() * 1000);
    receiver.deliver(&milliseconds).await.is(401, "Timestamp too new");
    assert_eq!(receiver.runs(), 0);
}

async fn t06_too_old_when_the_body_ends(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let post = Post::new("t").header("Expect", "100-continue");
    let (head, body) = post.wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    connection.asked_for_the_body().await;
    receiver.clock.advance(Duration::from_secs(301));
    connection.send(&body).await;
    connection.reply().await.is(401, "Timestamp too old");
}

async fn t07_wall_clock_steps_while_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("t")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    for step in [3600, -7200] {
        receiver.clock.step_wall(step);
        receiver.deliver(&Post::new("t")).await.is(409, "Delivery in progress");
    }
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&Post::new("t")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

#[test]
fn d16_tolerances_above_an_hour_are_refused() {
    let hour = Duration::from_secs(3600);
    let longer = Duration::from_secs(3601);
    assert!(Tolerance::new(hour, hour).is_ok());
    assert!(Tolerance::new(longer, Duration::ZERO).is_err());
    assert!(Tolerance::new(Duration::ZERO, longer).is_err());
    let _allowed = Tolerance::dangerously_allow_long(longer, longer);
}
