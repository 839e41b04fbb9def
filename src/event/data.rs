use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::duplicate;
use super::object::{AnObject, Object};
use super::repair::repair;
use super::{EventError, Fan, Fields, LiveEvent, Purchase, RawData};

/// Makes the enum. Each line is one type of event: its variant, the type's name, and the name
/// under which `data` has the object.
macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident($object:ty) = $name:literal in $key:literal,)*) => {
        /// The `data` of an event, by the event's type.
        ///
        /// Ask for `Event<EventData>`, or call [`Event::typed`](super::Event::typed). Each
        /// variant holds the object itself, without the wrapper around it in `data`. Objects
        /// are boxed: match on the variant, then use the object's fields.
        ///
        /// The documentation shows a sample for `fan.created`, `purchase.completed` and
        /// `event.published`. Other events about fans, purchases and live events are assumed
        /// to hold the same objects.
        ///
        /// # New types
        ///
        /// Nevent will add types. They are [`EventData::Unknown`] until a version of this
        /// crate knows them. To handle such a type earlier, match on
        /// [`event_type`](super::Event::event_type) and call
        /// [`Event::data_as`](super::Event::data_as). That goes on working when this crate
        /// knows the type.
        ///
        /// ```
        /// use nevent_webhooks::event::EventData;
        ///
        /// fn describe(data: &EventData) -> String {
        ///     match data {
        ///         EventData::FanDeleted(fan) => format!("erase {}", fan.id),
        ///         EventData::Unknown { event_type, .. } => format!("new: {event_type}"),
        ///         _ => "not needed".to_owned(),
        ///     }
        /// }
        /// ```
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum EventData {
            $($(#[$doc])* #[doc = concat!("\n\n`", $name, "`")] $variant(Box<$object>),)*
            /// A type that this version does not know.
            Unknown {
                /// The event's type.
                event_type: String,
                /// The event's `data`, as it was sent.
                data: RawData,
            },
        }

        /// The documented types.
        #[cfg(test)]
        pub(crate) const DOCUMENTED_TYPES: [&str; 17] = [$($name),*];

        impl EventData {
            pub(super) fn read(event_type: &str, data: &RawValue) -> Result<Self, EventError> {
                match event_type {
                    $($name => read_object(data, $key).map(Self::$variant),)*
                    _ => Ok(Self::Unknown { event_type: event_type.to_owned(), data: data.to_owned().into() }),
                }
            }

            /// Reads the next value of an object as `data`. `None` leaves a value of an unknown
            /// type unread.
            pub(super) fn read_next<'de, A: MapAccess<'de>>(
                event_type: &str,
                map: &mut A,
            ) -> Option<Result<Self, A::Error>> {
                match event_type {
                    $($name => {
                        let data = map.next_value_seed(Under { key: $key, object: PhantomData });
                        Some(data.map(Box::new).map(Self::$variant))
                    })*
                    _ => None,
                }
            }

            /// Returns the names of documented fields that could not be read, such as
            /// `fan.custom_fields`.
            ///
            /// Each of these fields is `None` or empty. Its value is in the `extra` of its
            /// object.
            #[must_use]
            pub fn unread_fields(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                match self {
                    $(Self::$variant(object) => Object::add_unread(&**object, &mut names),)*
                    Self::Unknown { .. } => {}
                }
                names
            }
        }

        /// Writes `data` as it was sent, except for fields next to the object.
        impl Serialize for EventData {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(object) => serializer.collect_map([($key, object)]),)*
                    Self::Unknown { data, .. } => data.serialize(serializer),
                }
            }
        }
    };
}

event_types! {
    /// A fan was created.
    FanCreated(Fan) = "fan.created" in "fan",
    /// A fan's data changed.
    FanUpdated(Fan) = "fan.updated" in "fan",
    /// A fan was deleted, for example after an erasure request.
    FanDeleted(Fan) = "fan.deleted" in "fan",
    /// A fan bought tickets.
    PurchaseCompleted(Purchase) = "purchase.completed" in "purchase",
    /// A purchase was refunded, in whole or in part.
    PurchaseRefunded(Purchase) = "purchase.refunded" in "purchase",
    /// A purchase was cancelled.
    PurchaseCancelled(Purchase) = "purchase.cancelled" in "purchase",
    /// A fan was checked in. The documentation shows no sample of the object.
    AttendanceCheckedIn(Fields) = "attendance.checked_in" in "attendance",
    /// A fan was checked out. The documentation shows no sample of the object.
    AttendanceCheckedOut(Fields) = "attendance.checked_out" in "attendance",
    /// An email was sent. The documentation shows no sample of the object.
    EmailSent(Fields) = "email.sent" in "email",
    /// An email was opened. The documentation shows no sample of the object.
    EmailOpened(Fields) = "email.opened" in "email",
    /// A link in an email was clicked. The documentation shows no sample of the object.
    EmailClicked(Fields) = "email.clicked" in "email",
    /// A text message was sent. The documentation shows no sample of the object.
    SmsSent(Fields) = "sms.sent" in "sms",
    /// A text message was delivered. The documentation shows no sample of the object.
    SmsDelivered(Fields) = "sms.delivered" in "sms",
    /// A live event was created.
    EventCreated(LiveEvent) = "event.created" in "event",
    /// A live event changed.
    EventUpdated(LiveEvent) = "event.updated" in "event",
    /// A live event was published.
    EventPublished(LiveEvent) = "event.published" in "event",
    /// A live event was cancelled.
    EventCancelled(LiveEvent) = "event.cancelled" in "event",
}

/// Reads the object under its own name in `data`. Other fields of `data` are ignored.
fn read_object<T: Object>(data: &RawValue, key: &'static str) -> Result<Box<T>, EventError> {
    let json = repair(data.get().as_bytes())?;
    EventError::of_repaired(|_| Under { key, object: PhantomData }, &json)
        .map(Box::new)
        .map_err(|error| error.within("data"))
}

struct Under<T> {
    key: &'static str,
    object: PhantomData<T>,
}

impl<'de, T: Object> DeserializeSeed<'de> for Under<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object> Visitor<'de> for Under<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with a field `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let (mut object, mut ignored) = (None, HashSet::new());
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                if object.replace(map.next_value_seed(AnObject(PhantomData))?).is_some() {
                    return Err(Error::duplicate_field(self.key));
                }
                continue;
            }
            map.next_value::<IgnoredAny>()?;
            if let Some(key) = ignored.replace(key) {
                return Err(duplicate(&key));
            }
        }
        object.ok_or_else(|| Error::missing_field(self.key))
    }
}
