//! Dead letters: what becomes one, and how it is replayed and deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select, WorkerIncident};

use crate::support::engine::{Dead, Engine, Foreign, sender};
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};
use crate::support::work::{Told, Work};

/// Two attempts.
pub fn quick<E: Engine>(engine: &E) -> E::Options {
    E::retry(engine.options(), RetryPolicy::new().first(E::QUICK).attempts(2))
}

pub async fn an_entry_that_fails_at_every_attempt_can_be_replayed<E: Engine>() {
    let engine = E::shared("dead").await;
    let options = quick(&engine);
    let sender = sender::<E>(&options).await;
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let work = Work::<E>::start(&options, move |_| !is_mended.load(Ordering::Relaxed)).await;
    let dead = Dead::<E>::of(&options).await;
    dead.are(3).await;
    let letters = dead.list().await;
    for letter in &letters {
        assert_eq!((letter.reason(), letter.attempts()), ("failed", 2));
        assert_eq!(letter.event_type(), Some("fan.created"));
        let body = letter.envelope().expect("an envelope").body();
        assert_eq!(body, event_json(letter.id()).as_bytes());
    }
    assert!(!format!("{letters:?}").contains("1640995200"), "a payload: {letters:?}");
    assert_eq!(work.count(), 6);
    eventually("they are moved", async || engine.entries().await == 0).await;
    assert_eq!(dead.few(2).await.len(), 2);

    // Replayed too early, it has all its attempts again.
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await, 1);
    eventually("two more attempts", async || work.count() == 8).await;
    dead.are(3).await;
    let again = dead.list().await;
    let again = again.iter().find(|letter| letter.id() == "evt_single_2").expect("it is back");
    assert_eq!((again.reason(), again.attempts()), ("failed", 2));

    mended.store(true, Ordering::Relaxed);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await, 1);
    assert_eq!(dead.list().await.len(), 2);
    assert_eq!(dead.replay(Select::All).await, 2);
    eventually("all are handled", async || work.count() == 11).await;
    eventually("nothing stays", async || engine.entries().await == 0).await;
    assert!(dead.list().await.is_empty());
    work.stop().await;
}

pub async fn dead_letters_are_replayed_and_deleted_by_id_type_and_time<E: Engine>() {
    let engine = E::shared("chosen").await;
    let options = quick(&engine);
    let sender = sender::<E>(&options).await;
    let begun = SystemTime::now();
    for number in 1..=6 {
        let event_type = if number > 4 { "fan.deleted" } else { "fan.created" };
        let Sent { id, body, .. } = Sent::single(number);
        sender.until_accepted(&id, &body.replace("fan.created", event_type)).await;
    }
    let ended = SystemTime::now();
    let work = Work::<E>::start(&options, |_| true).await;
    let dead = Dead::<E>::of(&options).await;
    dead.are(6).await;
    work.stop().await;

    // The receiver's time is in milliseconds.
    let (milli, hour) = (Duration::from_millis(1), Duration::from_secs(3_600));
    let never = SystemTime::UNIX_EPOCH;
    let nothing = [
        Select::ReceivedBetween(never, begun - milli),
        Select::ReceivedBetween(ended + milli, ended + hour),
        Select::ReceivedBetween(ended + hour, never),
        Select::Type("ticket.sold"),
        Select::Id("evt_single_7"),
    ];
    for select in nothing {
        assert_eq!(dead.replay(select).await, 0, "{select:?}");
        assert_eq!(dead.delete(select).await, 0, "{select:?}");
    }
    assert_eq!(dead.replay(Select::Id("evt_single_1")).await, 1);
    assert_eq!(dead.replay(Select::Id("evt_single_1")).await, 0, "not twice");
    assert_eq!(dead.delete(Select::Id("evt_single_2")).await, 1);
    assert_eq!(dead.replay(Select::Type("fan.deleted")).await, 2);
    assert_eq!(dead.list().await.len(), 2);
    eventually("three wait again", async || engine.entries().await == 3).await;
    let now = Select::ReceivedBetween(begun - milli, ended + milli);
    assert_eq!(dead.replay(now).await, 2);

    // All but the one that was deleted.
    let work = Work::<E>::start(&options, |_| false).await;
    eventually("they are handled", async || work.count() >= 5).await;
    assert_eq!(work.ids(), [1, 3, 4, 5, 6].map(|number| format!("evt_single_{number}")));
    assert_eq!(dead.delete(now).await, 0);
    work.stop().await;

    let work = Work::<E>::start(&options, |_| true).await;
    for number in 8..=9 {
        sender.deliver(&Sent::single(number)).await;
    }
    dead.are(2).await;
    let type_ = Select::Type("fan.created");
    let now = Select::ReceivedBetween(begun, SystemTime::now() + milli);
    assert_eq!(dead.delete(Select::Id("evt_single_8")).await, 1);
    assert_eq!(dead.delete(now).await, 1);
    sender.deliver(&Sent::single(10)).await;
    dead.are(1).await;
    assert_eq!(dead.delete(type_).await, 1);
    assert!(dead.list().await.is_empty());
    work.stop().await;
}

pub async fn what_is_no_event_is_parked_as_it_came<E: Engine>() {
    let engine = E::shared("parked").await;
    let options = quick(&engine);
    let sender = sender::<E>(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await, (200, String::new()));
    let work = Work::<E>::start(&options, |_| false).await;
    let name = engine.publish(Foreign::Unreadable).await;

    let dead = Dead::<E>::of(&options).await;
    dead.are(2).await;
    let mut letters = dead.list().await;
    letters.sort_by_key(|letter| letter.unreadable().is_some());
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!((letters[0].id(), &envelope.body()[..]), ("no-event", &b"not JSON"[..]));
    assert_eq!(letters[1].unreadable(), Some(&b"?"[..]));
    assert!(name.is_none_or(|name| name == letters[1].id()));
    assert_eq!(work.count(), 0);

    assert_eq!(dead.delete(Select::Id(letters[1].id())).await, 1);
    assert_eq!(dead.replay(Select::All).await, 1);
    eventually("it is taken again", async || engine.entries().await == 0).await;
    dead.are(1).await;
    assert_eq!(dead.delete(Select::All).await, 1);
    assert!(dead.list().await.is_empty());
    work.stop().await;
}

/// A broker that remembered the ids of events would swallow it.
pub async fn an_event_can_be_sent_again_after_its_dead_letter_was_deleted<E: Engine>() {
    let engine = E::shared("again").await;
    let options = quick(&engine);
    let work = Work::<E>::start(&options, |attempt| attempt <= 2).await;
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    let dead = Dead::<E>::of(&options).await;
    dead.are(1).await;
    assert_eq!(dead.delete(Select::All).await, 1);
    // Another receiver, which does not remember the event.
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 3).await;
    work.stop().await;
}

pub async fn an_observer_that_panics_strands_no_entry<E: Engine>() {
    let engine = E::shared("panics").await;
    let options = quick(&engine);
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    let (store, told) = (MemoryStore::new(), Told::default());
    let tell = told.observer();
    let observer = move |happened: &WorkerIncident<'_>| {
        tell(happened);
        panic!("{happened:?}")
    };
    let work = Work::<E>::with(&options, store, observer, |_| true).await;
    Dead::<E>::of(&options).await.are(1).await;
    assert_eq!(work.count(), 2);
    work.stop().await;
    let delay = E::QUICK.as_millis();
    let first = format!("retry evt_single_1 failed 1 {delay}");
    assert_eq!(told.lines(), [&*first, "dead evt_single_1 failed 2"]);
    assert_eq!(engine.entries().await, 0);
}

pub async fn a_handler_that_panics_fails<E: Engine>() {
    let engine = E::shared("bugs").await;
    let options = quick(&engine);
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    let (store, told) = (MemoryStore::new(), Told::default());
    let bug = |attempt| {
        assert!(attempt > 2, "a bug, at attempt {attempt}");
        false
    };
    let work = Work::<E>::with(&options, store, told.observer(), bug).await;
    let dead = Dead::<E>::of(&options).await;
    dead.are(1).await;
    let letters = dead.list().await;
    assert_eq!((letters[0].reason(), letters[0].attempts()), (E::PANICKED, 2));
    assert_eq!(dead.replay(Select::All).await, 1);
    eventually("it is handled", async || work.count() == 3).await;
    eventually("nothing stays", async || engine.entries().await == 0).await;
    work.stop().await;
    let first = format!("retry evt_single_1 panicked 1 {}", E::QUICK.as_millis());
    assert_eq!(told.lines(), [&*first, "dead evt_single_1 panicked 2"]);
}
