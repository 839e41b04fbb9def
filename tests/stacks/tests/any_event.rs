//! Whatever an event holds, what was read of it is written as it was: any text, half
//! surrogate pairs among it, and any number, with fractions, beyond 64 bits and beyond a float.

use nevent_webhooks::event::{Event, EventData};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::{option, sample};
use serde_json::{Map, Value, json};

/// Stands for half of a surrogate pair, which no text in Rust can hold.
const HALF: char = '\u{e000}';
/// Begins a text that stands for a number.
const NUMBER: char = '\u{e001}';

/// Any text, and what JSON has to escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "\\PC{0,12}",
        2 => r#"["\\/\x00-\x1f\u{7f}\u{2028}😀]{0,8}"#,
        1 => r#"[a"\\\u{e000}😀]{0,8}"#,
    ]
}

/// The name of a field. Without halves: two names must not become one.
fn name() -> impl Strategy<Value = String> {
    text().prop_map(|name| name.replace([HALF, '\u{fffd}'], "?"))
}

/// Numbers of all kinds, as they are read; those beyond a float's range as their text.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |n| n.is_finite()).prop_map(Value::from),
        (any::<i16>(), 0..3_u8)
            .prop_map(|(n, scale)| json!(f64::from(n) / 10_f64.powi(scale.into()))),
        "-?[1-9](\\.[0-9]{1,3})?[eE]\\+?[1-9][0-9]{3}"
            .prop_map(|digits| Value::from(format!("{NUMBER}{digits}"))),
    ]
}

/// The name of an undocumented field.
fn odd() -> BoxedStrategy<Value> {
    prop_oneof![Just(json!(true)), Just(json!([[7]])), Just(json!(1.5))].boxed()
}

/// Any JSON, not too deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Fields whose names nobody has documented.
fn undocumented() -> impl Strategy<Value = Map<String, Value>> {
    btree_map("x_[a-z]{0,6}", json(), 0..4).prop_map(|fields| fields.into_iter().collect())
}

/// An object of fields that are always there, fields that may be, and unknown ones.
fn object(
    required: impl Strategy<Value = Value>,
    optional: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> impl Strategy<Value = Value> {
    let optional = optional.into_iter().map(|(name, value)| {
        option::of(prop_oneof![9 => value, 1 => odd()])
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    });
    (required, undocumented(), optional.collect::<Vec<_>>()).prop_map(
        |(required, undocumented, optional)| {
            let Value::Object(mut object) = required else { unreachable!("an object") };
            object.extend(undocumented);
            object.extend(optional.into_iter().flatten());
            Value::Object(object)
        },
    )
}

fn any_text() -> BoxedStrategy<Value> {
    text().prop_map(Value::from).boxed()
}

fn date() -> BoxedStrategy<Value> {
    let day = (1..=9999_i16, 1..=12_i8, 1..=28_i8);
    day.prop_map(|(year, month, day)| json!(jiff::civil::date(year, month, day).to_string()))
        .boxed()
}

fn time() -> BoxedStrategy<Value> {
    let seconds = -60_000_000_000..250_000_000_000_i64;
    seconds
        .prop_map(|s| json!(jiff::Timestamp::from_second(s).expect("in range").to_string()))
        .boxed()
}

/// Amounts are compared as text: a number of `serde_json`'s is a binary float.
const AMOUNTS: [&str; 6] = ["0", "85.00", "0.1", "-19.50", "12345678901234567890.1234567", "1200"];

fn fan() -> impl Strategy<Value = Value> {
    let texts = ["email", "first_name", "last_name", "phone", "city", "country", "source"];
    let mut optional: Vec<_> = texts.map(|name| (name, any_text())).into();
    optional.push(("tags", vec(text(), 1..4).prop_map(Value::from).boxed()));
    optional.push(("created_at", time()));
    let custom = btree_map(name(), json(), 1..4);
    let custom = custom.prop_map(|fields| Value::Object(fields.into_iter().collect()));
    optional.push(("custom_fields", custom.boxed()));
    object(text().prop_map(|id| json!({ "id": id })), optional)
}

fn live_event() -> impl Strategy<Value = Value> {
    let venue = object(text().prop_map(|name| json!({ "name": name })), vec![("city", any_text())]);
    let artist =
        object(text().prop_map(|name| json!({ "name": name })), vec![("spotify_id", any_text())]);
    let optional = vec![
        ("date", date()),
        ("venue", venue.boxed()),
        ("lineup", proptest::collection::vec(artist, 1..3).prop_map(Value::from).boxed()),
        ("published_at", time()),
    ];
    object((text(), text()).prop_map(|(id, name)| json!({ "id": id, "name": name })), optional)
}

fn purchase() -> impl Strategy<Value = Value> {
    let ticket = (text(), any::<u32>(), sample::select(&AMOUNTS[..]));
    let ticket = ticket.prop_map(
        |(kind, quantity, price)| json!({"type": kind, "quantity": quantity, "price": price}),
    );
    let ticket = object(ticket, vec![("currency", any_text())]);
    let required = (text(), fan(), live_event(), vec(ticket, 0..3), sample::select(&AMOUNTS[..]));
    let required = required.prop_map(|(id, fan, event, tickets, total)| {
        json!({"id": id, "fan": fan, "event": event, "tickets": tickets, "total": total, "currency": "EUR"})
    });
    let optional =
        vec![("payment_method", any_text()), ("status", any_text()), ("purchased_at", time())];
    object(required, optional)
}

/// An event of a known type or another, as text with its amounts as numbers.
fn event() -> impl Strategy<Value = Value> {
    let data = prop_oneof![
        fan().prop_map(|fan| ("fan.updated".to_owned(), json!({ "fan": fan }))),
        purchase().prop_map(|it| ("purchase.completed".to_owned(), json!({ "purchase": it }))),
        live_event().prop_map(|it| ("event.published".to_owned(), json!({ "event": it }))),
        undocumented().prop_map(|it| ("email.sent".to_owned(), json!({ "email": it }))),
        ("x_[a-z.]{1,9}", json()),
    ];
    let created = -60_000_000_000..250_000_000_000_i64;
    let required = (text(), data, created, text()).prop_map(|(id, (kind, data), created, org)| {
        json!({"id": id, "type": kind, "data": data, "created": created, "organization_id": org})
    });
    object(required, Vec::new())
}

/// Amounts become numbers, as they are sent, by way of the text; and so does what stands for
/// something that no value holds.
fn written(event: &Value) -> String {
    let mut text = with_numbers(&event.to_string()).replace(HALF, r"\ud83c");
    for field in ["price", "total"] {
        for amount in AMOUNTS {
            text = text
                .replace(&format!("\"{field}\":\"{amount}\""), &format!("\"{field}\":{amount}"));
        }
    }
    text
}

/// Takes the quotes from the texts that stand for numbers.
fn with_numbers(text: &str) -> String {
    let start = format!("\"{NUMBER}");
    let mut parts = text.split(&start);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part.replacen('"', "", 1))
}

/// The JSON that should be written of an event.
fn expected(event: &Value) -> Value {
    let text = event.to_string().replace(HALF, "\u{fffd}").replace(NUMBER, "");
    in_order(&text)
}

/// Amounts are compared by their text.
fn without_amounts(mut event: Value) -> Value {
    if let Some(Value::Object(purchase)) = event.pointer_mut("/data/purchase") {
        purchase.remove("total");
        for ticket in purchase["tickets"].as_array_mut().into_iter().flatten() {
            ticket.as_object_mut().map(|ticket| ticket.remove("price"));
        }
    }
    event
}

/// Both ways of writing an event, with the fields of each object in one order.
fn in_order(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

proptest! {
    #[test]
    fn parsed_then_serialised_it_is_the_same(event in event()) {
        let sent = written(&event);
        let typed: Event<EventData> = Event::from_json(sent.as_bytes()).expect("an event");
        let again = serde_json::to_string(&typed).expect("JSON");
        prop_assert_eq!(without_amounts(in_order(&again)), without_amounts(expected(&event)));
        for amount in AMOUNTS {
            prop_assert_eq!(again.matches(&format!(":{amount},")).count() + again.matches(&format!(":{amount}}}")).count(),
                sent.matches(&format!(":{amount},")).count() + sent.matches(&format!(":{amount}}}")).count());
        }

        let raw: Event = Event::from_json(again.as_bytes()).expect("what was written is read");
        let twice = serde_json::to_string(&raw.typed().expect("typed")).expect("JSON");
        prop_assert_eq!(in_order(&twice), in_order(raw.data.get()));
        let raw: Event = Event::from_json(sent.as_bytes()).expect("an event");
        in_order(raw.data.get()); // Readable by anyone.
        prop_assert_eq!(raw.created, typed.created);
    }

    /// A byte is changed, taken away or doubled: it is read, or refused, and that is all.
    #[test]
    fn damaged_events_never_panic(event in event(), at in any::<sample::Index>(), byte: u8, how in 0..3) {
        let mut bytes = written(&event).into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, bytes[at]),
        }
        if let Ok(event) = Event::<EventData>::from_json(&bytes) {
            serde_json::to_string(&event).expect("what was read can be written");
        }
    }
}
