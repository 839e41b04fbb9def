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

/// One line a type of event: its variant, the type's name, and the name under which
/// `data` has the object.
macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident($object:ty) = $name:literal in $key:literal,)*) => {
        /// What happened, by the event's `type`: `data` with the object out of its
        /// wrapping.
        ///
        /// Read from an [`Event`](super::Event) by
        /// [`Event::typed`](super::Event::typed), or asked for as `Event<EventData>`.
        /// New types of event will come, and are [`EventData::Unknown`] until a version
        /// of this crate knows them: to handle one before that, match on
        /// [`event_type`](super::Event::event_type) and read it with
        /// [`Event::data_as`](super::Event::data_as), which goes on working.
        ///
        /// The objects are boxed: match on the variant, then use the object's fields.
        /// Refunds and cancellations are taken to show a purchase as its completion does,
        /// and all events about fans and live events to show these as the documented
        /// ones do.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum EventData {
            $($(#[$doc])* #[doc = concat!("\n\n`", $name, "`")] $variant(Box<$object>),)*
            /// A type that this version does not know.
            Unknown {
                /// The event's type.
                event_type: String,
                /// Its `data`, as it came.
                data: RawData,
            },
        }

        impl EventData {
            pub(super) fn read(event_type: &str, data: &RawValue) -> Result<Self, EventError> {
                match event_type {
                    $($name => read_object(data, $key).map(Self::$variant),)*
                    _ => Ok(Self::Unknown { event_type: event_type.to_owned(), data: data.to_owned().into() }),
                }
            }

            /// The documented fields that could not be read, such as `fan.custom_fields`: each
            /// is `None` or empty, and its value is in the `extra` of its object.
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

        /// As it came, but for what stood beside the object.
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
    /// Somebody new.
    FanCreated(Fan) = "fan.created" in "fan",
    /// Somebody's data changed.
    FanUpdated(Fan) = "fan.updated" in "fan",
    /// Somebody is to be forgotten.
    FanDeleted(Fan) = "fan.deleted" in "fan",
    /// Somebody bought tickets.
    PurchaseCompleted(Purchase) = "purchase.completed" in "purchase",
    /// A purchase was paid back, in whole or in part.
    PurchaseRefunded(Purchase) = "purchase.refunded" in "purchase",
    /// A purchase did not come about.
    PurchaseCancelled(Purchase) = "purchase.cancelled" in "purchase",
    /// Somebody came. (Of this object the documentation shows no sample.)
    AttendanceCheckedIn(Fields) = "attendance.checked_in" in "attendance",
    /// Somebody left. (Of this object the documentation shows no sample.)
    AttendanceCheckedOut(Fields) = "attendance.checked_out" in "attendance",
    /// An email went out. (Of this object the documentation shows no sample.)
    EmailSent(Fields) = "email.sent" in "email",
    /// An email was opened. (Of this object the documentation shows no sample.)
    EmailOpened(Fields) = "email.opened" in "email",
    /// A link in an email was followed. (Of this object the documentation shows no sample.)
    EmailClicked(Fields) = "email.clicked" in "email",
    /// A text message went out. (Of this object the documentation shows no sample.)
    SmsSent(Fields) = "sms.sent" in "sms",
    /// A text message arrived. (Of this object the documentation shows no sample.)
    SmsDelivered(Fields) = "sms.delivered" in "sms",
    /// Something is planned.
    EventCreated(LiveEvent) = "event.created" in "event",
    /// Plans changed.
    EventUpdated(LiveEvent) = "event.updated" in "event",
    /// It can be seen, and booked.
    EventPublished(LiveEvent) = "event.published" in "event",
    /// It does not take place.
    EventCancelled(LiveEvent) = "event.cancelled" in "event",
}

/// The object that stands under its own name in `data`, whatever stands beside it.
fn read_object<T: Object>(data: &RawValue, key: &'static str) -> Result<Box<T>, EventError> {
    let json = repair(data.get().as_bytes())?;
    EventError::of_reading_with(Under { key, object: PhantomData }, &json)
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
        let (mut object, mut beside) = (None, HashSet::new());
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                if object.replace(map.next_value_seed(AnObject(PhantomData))?).is_some() {
                    return Err(Error::duplicate_field(self.key));
                }
                continue;
            }
            map.next_value::<IgnoredAny>()?;
            if let Some(key) = beside.replace(key) {
                return Err(duplicate(&key));
            }
        }
        object.ok_or_else(|| Error::missing_field(self.key))
    }
}
