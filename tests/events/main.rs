//! Events as types: the documented samples, as they are read and written.

mod at_once;
mod errors;
mod fields;
mod odd;

use nevent_webhooks::event::{Date, Decimal, EventData, RawValue, Timestamp};
use nevent_webhooks::{Event, EventError};
use serde_json::{Value, json};

/// From the provider's documentation.
const PURCHASE: &str = include_str!("../data/events/purchase.completed.json");
const FAN: &str = include_str!("../data/events/fan.created.json");
const LIVE_EVENT: &str = include_str!("../data/events/event.published.json");
const SAMPLES: [&str; 3] = [PURCHASE, FAN, LIVE_EVENT];

fn typed(json: &str) -> Result<Event<EventData>, EventError> {
    Event::from_json(json.as_bytes())
}

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn amount(text: &str) -> Decimal {
    text.parse().expect("an amount")
}

#[test]
fn the_documented_purchase() {
    let event = typed(PURCHASE).expect("a purchase");
    assert_eq!((&*event.id, &*event.event_type), ("evt_01234567890", "purchase.completed"));
    assert_eq!(event.created, time("2022-01-01T00:00:00Z"));
    assert_eq!(event.organization_id.as_deref(), Some("org_abcdefghijk"));
    let EventData::PurchaseCompleted(purchase) = event.data else { panic!("{:?}", event.data) };
    assert_eq!(purchase.id, "pur_abc123");
    assert_eq!(
        (&*purchase.fan.id, purchase.fan.last_name.as_deref()),
        ("fan_xyz789", Some("García"))
    );
    assert_eq!(purchase.fan.email.as_deref(), Some("juan@example.com"));
    assert_eq!(
        (&*purchase.event.name, purchase.event.date),
        ("Festival Sónar 2024", Some(date("2024-06-15")))
    );
    let [ticket] = &purchase.tickets[..] else { panic!("{:?}", purchase.tickets) };
    assert_eq!((&*ticket.ticket_type, ticket.quantity), ("General Admission", 2));
    assert_eq!((ticket.price, ticket.currency.as_deref()), (amount("85.00"), Some("EUR")));
    assert_eq!(ticket.price * Decimal::from(ticket.quantity), purchase.total);
    assert_eq!((purchase.total.to_string().as_str(), &*purchase.currency), ("170.00", "EUR"));
    assert_eq!(purchase.payment_method.as_deref(), Some("card"));
    assert_eq!(purchase.status.as_deref(), Some("completed"));
    assert_eq!(purchase.purchased_at, Some(time("2024-03-15T10:30:00Z")));
    assert!(purchase.extra.is_empty() && event.extra.is_empty());
}

#[test]
fn the_documented_fan() {
    let EventData::FanCreated(fan) = typed(FAN).expect("a fan").data else { panic!("no fan") };
    assert_eq!((&*fan.id, fan.first_name.as_deref()), ("fan_new123", Some("María")));
    assert_eq!(
        (fan.phone.as_deref(), fan.city.as_deref()),
        (Some("+34600123456"), Some("Barcelona"))
    );
    assert_eq!(
        (fan.country.as_deref(), &fan.tags[..]),
        (Some("ES"), &["techno", "vip"].map(String::from)[..])
    );
    assert_eq!(
        (fan.created_at, fan.source.as_deref()),
        (Some(time("2024-03-15T11:00:00Z")), Some("Event Registration"))
    );
    assert!(fan.extra.is_empty() && fan.custom_fields.is_empty());
}

#[test]
fn the_documented_event() {
    let event = typed(LIVE_EVENT).expect("an event");
    let EventData::EventPublished(event) = event.data else { panic!("{:?}", event.data) };
    assert_eq!((&*event.id, &*event.name), ("evt_summer2024", "Summer Closing Party"));
    let venue = event.venue.expect("a venue");
    assert_eq!((&*venue.name, venue.city.as_deref()), ("Sala Apolo", Some("Barcelona")));
    let lineup: Vec<_> = event.lineup.iter().map(|a| (&*a.name, a.spotify_id.as_deref())).collect();
    assert_eq!(lineup, [("DJ Koze", Some("xyz")), ("Peggy Gou", Some("abc"))]);
    assert_eq!(
        (event.date, event.published_at),
        (Some(date("2024-09-20")), Some(time("2024-03-15T12:00:00Z")))
    );
}

#[test]
fn what_was_read_is_written_as_it_was() {
    for sample in SAMPLES {
        let original: Value = serde_json::from_str(sample).expect("JSON");
        let raw: Event = Event::from_json(sample.as_bytes()).expect("an event");
        assert_eq!(serde_json::to_value(&raw).expect("JSON"), original);
        let typed = serde_json::to_string(&typed(sample).expect("an event")).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&typed).expect("JSON"), original);
        assert_eq!(typed.contains("170.00"), sample.contains("170.00"), "to the last zero");
    }
}

/// Read to the nearest float, or they would drift with each reading.
#[test]
fn undocumented_numbers_are_the_same_after_a_second_reading() {
    let sent = FAN.replacen(
        "\"email\"",
        "\"score\": 16666666666666666666666666666666666666666, \"email\"",
        1,
    );
    let written = serde_json::to_string(&typed(&sent).expect("a fan")).expect("JSON");
    assert!(written.contains("\"score\":1.66"), "{written}");
    let again = serde_json::to_string(&typed(&written).expect("a fan")).expect("JSON");
    assert_eq!(again, written);
}

#[test]
fn raw_data_is_typed_when_it_is_asked_for() {
    let event: Event = Event::from_json(PURCHASE.as_bytes()).expect("an event");
    assert!(PURCHASE.contains(event.data.get()), "byte for byte");
    assert!(matches!(event.typed(), Ok(EventData::PurchaseCompleted(_))));
    let event: Event<Box<RawValue>> = Event::from_json(PURCHASE.as_bytes()).expect("an event");
    assert!(matches!(event.typed(), Ok(EventData::PurchaseCompleted(_))));
}

/// What is of no interest is not read: a type is matched on whatever its data.
#[test]
fn data_is_not_read_before_it_is_asked_for() {
    let odd = PURCHASE.replace(r#""quantity": 2"#, r#""quantity": "two""#);
    let event: Event = Event::from_json(odd.as_bytes()).expect("an event");
    assert_eq!(event.event_type, "purchase.completed");
    let error = event.typed().expect_err("two is no number").to_string();
    assert!(error.contains("`data.purchase.tickets[0].quantity`: "), "{error}");
}

#[test]
fn custom_fields_are_the_organisations_own() {
    let fan = FAN.replace(r#""tags""#, r#""custom_fields":{"size":"M","visits":[1,2]},"tags""#);
    let EventData::FanCreated(fan) = typed(&fan).expect("a fan").data else { panic!("no fan") };
    assert_eq!(Value::from(fan.custom_fields), json!({"size": "M", "visits": [1, 2]}));
}
