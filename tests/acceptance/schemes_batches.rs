//! sc21: batches of a sender with an id in the body. The delivery is claimed by that id, and each
//! event by its own.

use nevent_webhooks::scheme::Scheme;

use crate::support::work::{Work, batch, event};
use crate::support::{Adapter, Sender, rows};

rows!(
    sc21_each_event_of_a_batch_counts,
    sc21_the_id_of_the_first_event_is_no_obstacle,
    sc21_a_lone_event_counts_as_itself,
);

fn stripe() -> Sender {
    Sender::of(Scheme::stripe())
}

/// A batch with an id of its own, as `Scheme::stripe` looks for it.
fn with_id(id: &str, events: &str) -> String {
    format!(r#"{{"id":"{id}","events":{events}}}"#)
}

async fn sc21_each_event_of_a_batch_counts(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = stripe().receiving(setup).start().await;
    let send =
        |id: &str, ids: [&str; 2]| stripe().post_body("", receiver.now(), with_id(id, &batch(ids)));
    work.fails_once("evt_2");
    receiver.deliver(&send("b_1", ["evt_1", "evt_2"])).await.is(500, "Batch incomplete");
    receiver.deliver(&send("b_1", ["evt_1", "evt_2"])).await.is(200, "");
    receiver.deliver(&send("b_1", ["evt_1", "evt_2"])).await.is(200, "Already processed");
    receiver.deliver(&send("b_2", ["evt_2", "evt_3"])).await.is(200, "");
    let runs = ["evt_1", "evt_2", "evt_3"].map(|id| work.runs_of(id));
    assert_eq!(runs, [1, 2, 1], "the second run of evt_2 is the retry of the first");
}

async fn sc21_the_id_of_the_first_event_is_no_obstacle(adapter: Adapter) {
    let scheme = Scheme::stripe().builder().id_in_body("events.0.id").build();
    let sender = Sender::of(scheme.expect("a scheme"));
    let (setup, work) = Work::on(adapter);
    let receiver = sender.receiving(setup).start().await;
    let body = with_id("b", &batch(["evt_1", "evt_2"]));
    receiver.deliver(&sender.post_body("", receiver.now(), body)).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.runs_of("evt_2")), (1, 1));
}

async fn sc21_a_lone_event_counts_as_itself(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = stripe().receiving(setup).start().await;
    let alone = stripe().post_body("", receiver.now(), event("evt_1"));
    receiver.deliver(&alone).await.is(200, "");
    receiver.deliver(&alone).await.is(200, "Already processed");
    let body = with_id("b", &batch(["evt_1", "evt_2"]));
    receiver.deliver(&stripe().post_body("", receiver.now(), body)).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.runs_of("evt_2")), (1, 1));
}
