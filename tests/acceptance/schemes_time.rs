//! sc06, sc07: how old a signature may be, with a time in it and without.

use std::time::Duration;

use crate::support::sender::{Key, body_of};
use crate::support::{Adapter, Sender, rows};

rows!(sc06_the_age_of_a_signed_time, sc06_too_old_and_forged, sc07_no_time_is_never_too_old);

async fn sc06_the_age_of_a_signed_time(adapter: Adapter) {
    for sender in Sender::timed() {
        let receiver = sender.on(adapter).start().await;
        let now = receiver.now();
        receiver.deliver(&sender.post("past", now - 300)).await.is(200, "");
        receiver.deliver(&sender.post("future", now + 300)).await.is(200, "");
        receiver.deliver(&sender.post("d", now - 301)).await.is(401, "Timestamp too old");
        receiver.deliver(&sender.post("d", now + 301)).await.is(401, "Timestamp too new");
        receiver.deliver(&sender.post("d", now * 1000)).await.is(401, "Timestamp too new");
        let seen = receiver.seen();
        let signed: Vec<_> = seen.iter().map(|delivery| delivery.verified().timestamp()).collect();
        assert_eq!(signed, [Some(now - 300), Some(now + 300)]);
        assert_eq!(seen[0].verified().age(), Some(300));
    }
}

async fn sc06_too_old_and_forged(adapter: Adapter) {
    for sender in Sender::timed() {
        let receiver = sender.on(adapter).start().await;
        let forged = sender.post_with(Key::Wrong, "d", receiver.now() - 301, body_of("d"));
        receiver.deliver(&forged).await.is(401, "Invalid signature");
    }
}

async fn sc07_no_time_is_never_too_old(adapter: Adapter) {
    for sender in Sender::untimed() {
        let receiver = sender.on(adapter).start().await;
        let captured = sender.post("d", receiver.now());
        receiver.clock.advance(Duration::from_secs(365 * 24 * 3600));
        receiver.deliver(&captured).await.is(200, "");
        let seen = receiver.seen();
        let verified = seen[0].verified();
        assert_eq!((verified.timestamp(), verified.age()), (None, None));
        assert_eq!(verified.replay_window(), None);
    }
}
