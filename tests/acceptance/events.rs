//! e01–e04: what a body is taken for. (What real senders write beside: `odd_events`.)

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use nevent_webhooks::VerifyLayer;
use nevent_webhooks::event::{Event, EventData};
use serde_json::Value;

use crate::support::receiver::Setup;
use crate::support::{Adapter, Asks, Post, Receiver, rows};

rows!(
    e01_each_type,
    e02_unknown_type,
    e02_unknown_fields,
    e03_header_differs,
    e03_counted_once_however_often_it_is_read,
    e03_header_differs_in_strict_mode,
    e03_strict_mode_lets_the_rest_through,
    e04_malformed_event,
);

/// What handlers read.
#[derive(Clone, Default)]
pub(super) struct Read(Arc<Mutex<Vec<Event<EventData>>>>);

impl Read {
    pub(super) fn on(adapter: Adapter) -> (Setup, Self) {
        let read = Self::default();
        let inside = read.clone();
        let setup = Receiver::on(adapter).asking_for(Asks::Event, move |received| {
            let inside = inside.clone();
            async move { Ok(inside.read(received.event.expect("asked for")?)) }
        });
        (setup, read)
    }

    fn read(&self, event: Event<EventData>) -> StatusCode {
        self.0.lock().expect("no panic while locked").push(event);
        StatusCode::OK
    }

    pub(super) fn last(&self) -> Event<EventData> {
        let read = self.0.lock().expect("no panic while locked");
        read.last().expect("a handler has run").clone()
    }
}

pub(super) fn event(event_type: &str, data: &str) -> String {
    format!(
        r#"{{"id":"evt_1","type":"{event_type}","created":1640995200,"data":{data},"organization_id":"org_1"}}"#
    )
}

/// A type, a body of it, and whether its data was read as of that type.
type Sample = (&'static str, &'static str, fn(&EventData) -> bool);

macro_rules! samples {
    ($($event_type:literal => $variant:ident,)*) => {
        [$((
            $event_type,
            include_str!(concat!("../../examples/send/payloads/", $event_type, ".json")),
            |data| matches!(data, EventData::$variant(_)),
        )),*]
    };
}

const SAMPLES: [Sample; 17] = samples![
    "fan.created" => FanCreated,
    "fan.updated" => FanUpdated,
    "fan.deleted" => FanDeleted,
    "purchase.completed" => PurchaseCompleted,
    "purchase.refunded" => PurchaseRefunded,
    "purchase.cancelled" => PurchaseCancelled,
    "attendance.checked_in" => AttendanceCheckedIn,
    "attendance.checked_out" => AttendanceCheckedOut,
    "email.sent" => EmailSent,
    "email.opened" => EmailOpened,
    "email.clicked" => EmailClicked,
    "sms.sent" => SmsSent,
    "sms.delivered" => SmsDelivered,
    "event.created" => EventCreated,
    "event.updated" => EventUpdated,
    "event.published" => EventPublished,
    "event.cancelled" => EventCancelled,
];

async fn e01_each_type(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    for (event_type, body, is_of_the_type) in SAMPLES {
        receiver.deliver(&Post::new(event_type).body(body)).await.is(200, "");
        let event = read.last();
        assert!(event.event_type == event_type && is_of_the_type(&event.data), "{event:?}");
        // An empty list is as good as none, and not written.
        let body = body.replace(r#""lineup": [],"#, "");
        let sent: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(serde_json::to_value(&event).expect("JSON"), sent, "nothing is lost");
    }
}

async fn e02_unknown_type(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = event("seat.upgraded", r#"{"seat": [1,  2]}"#);
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    let EventData::Unknown { event_type, data } = read.last().data else {
        panic!("a type that nobody knows")
    };
    assert_eq!((&*event_type, data.get()), ("seat.upgraded", r#"{"seat": [1,  2]}"#));
}

async fn e02_unknown_fields(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = r#"{"api":2,"id":"evt_1","type":"purchase.completed","created":1640995200,
        "data":{"beside":true,"purchase":{"id":"pur_1","total":170.00,"currency":"EUR","seats":[7],
            "fan":{"id":"fan_1","age":30},
            "event":{"id":"evt_2","name":"Festival","venue":{"name":"Sala","rows":12}},
            "tickets":[{"type":"General","quantity":2,"price":85.00,"gate":"B"}]}},
        "organization_id":"org_1"}"#;
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    let event = read.last();
    assert_eq!(event.more["api"], 2);
    let EventData::PurchaseCompleted(purchase) = event.data else { panic!("another type") };
    assert_eq!(purchase.more["seats"][0], 7);
    assert_eq!(purchase.fan.more["age"], 30);
    assert_eq!(purchase.event.venue.expect("a venue").more["rows"], 12);
    assert_eq!(purchase.tickets[0].more["gate"], "B");
    assert_eq!(purchase.total.to_string(), "170.00");
}

async fn e03_header_differs(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = event("fan.deleted", r#"{"fan":{"id":"fan_1"}}"#);
    for (id, header, mismatches) in
        [("one", "fan.deleted", 0), ("two", "fan.created", 1), ("three", "fan.deleted ", 1)]
    {
        let post = Post::new(id).body(body.replace("evt_1", id)).event(header);
        receiver.deliver(&post).await.is(200, "");
        assert!(matches!(read.last().data, EventData::FanDeleted(_)), "the body decides");
        assert_eq!(receiver.verify.event_type_mismatches(), mismatches);
    }
}

async fn e03_counted_once_however_often_it_is_read(adapter: Adapter) {
    let setup = Receiver::on(adapter).asking_for(Asks::EventAndBatch, |received| async move {
        let _ = (received.event.expect("asked for")?, received.batch.expect("asked for")?);
        Ok(StatusCode::OK)
    });
    let receiver = setup.start().await;
    let post = Post::new("d").body(event("seat.upgraded", "{}")).event("fan.created");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(receiver.verify.event_type_mismatches(), 1);
}

async fn e03_header_differs_in_strict_mode(adapter: Adapter) {
    let (setup, _) = Read::on(adapter);
    let receiver = setup.verify(VerifyLayer::strict_event_type).start().await;
    let post = Post::new("d").body(event("fan.deleted", r#"{"fan":{"id":"fan_1"}}"#));
    let forged = post.clone().event("fan.created");
    receiver.deliver(&forged).await.is(400, "Event type mismatch");
    assert_eq!((receiver.runs(), receiver.verify.event_type_mismatches()), (0, 1));
    // Nothing was recorded, not even the signature.
    receiver.deliver(&post.event("fan.deleted")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

/// No header could tell of a batch, and what is no event is for its reader to refuse.
async fn e03_strict_mode_lets_the_rest_through(adapter: Adapter) {
    let receiver = Receiver::on(adapter).verify(VerifyLayer::strict_event_type).start().await;
    let bodies = ["[]", r#"{"id":"b","type":"batch","events":[]}"#, "no JSON", "{}"];
    for (id, body) in bodies.iter().enumerate() {
        let post = Post::new(&id.to_string()).body(*body).event("fan.created");
        receiver.deliver(&post).await.is(200, "");
    }
    let unlabelled = Post::new("d").event(None).body(event("fan.deleted", "{}"));
    receiver.deliver(&unlabelled).await.is(200, "");
    assert_eq!(receiver.verify.event_type_mismatches(), 0);
}

async fn e04_malformed_event(adapter: Adapter) {
    let good = event("purchase.completed", r#"{"purchase":1}"#);
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let bodies = [
        "not JSON".to_owned(),
        String::new(),
        format!("{good} more"),
        good.replacen('{', r#"{"id":"evt_0","#, 1),
        good.replacen('{', r#"{"\u0069d":"evt_0","#, 1),
        good.replacen('{', r#"{"type":"fan.created","#, 1),
        event("new.type", &deep(10_000)),
        format!(r#"{{"new":{},{}"#, deep(10_000), &good[1..]),
        "[".repeat(1 << 20),
        r#"{"a":"#.repeat(200_000),
        event("new.type", "1").replace("1640995200", &"9".repeat(100_000)),
        event("fan.created", r#"{"fan":{"id":"a"},"fan":{"id":"b"}}"#),
        event("fan.created", r#"{"fan":{"id":"a","added":1,"added":1}}"#),
        good.replacen('{', r#"{"added":{"a":1,"a":2},"#, 1),
        good.replace(r#""evt_1""#, "7"),
        good,
    ];
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    for (number, body) in bodies.iter().enumerate() {
        let post = Post::new(&number.to_string()).body(body.as_str());
        for runs in 1..=2 {
            receiver.deliver(&post).await.is(400, "Malformed event");
            assert_eq!(receiver.runs(), 2 * number + runs, "released each time");
        }
    }
    assert!(read.0.lock().expect("no panic while locked").is_empty());
}
