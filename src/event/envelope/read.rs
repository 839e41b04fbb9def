//! Reading and writing an event.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::UnitDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Event;
use crate::event::json::{Name, add_field};
use crate::event::object::{Written, read_required};
use crate::event::optional::read_optional;
use crate::event::raw::Raw;
use crate::event::reading::take_first_of_two;
use crate::event::{EventData, EventError, Fields};

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Event<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        take_first_of_two(); // Otherwise an event within `data` would take it.
        deserializer.deserialize_map(AnEvent(PhantomData::<T>))
    }
}

/// The type of `data` depends on the field `type` next to it, which a `Deserialize` for `data`
/// alone could not see.
impl<'de> Deserialize<'de> for Event<EventData> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_type = ByType { in_place: take_first_of_two() };
        let event = deserializer.deserialize_map(AnEvent(by_type))?;
        let Event { id, event_type, created, organization_id, data, extra } = event;
        let data = match data {
            ByTypeOrRaw::Data(data) => data,
            ByTypeOrRaw::Raw(data) => {
                EventData::read(&event_type, &data).map_err(EventError::into_placed)?
            }
        };
        Ok(Self { id, event_type, created, organization_id, data, extra })
    }
}

/// Reads the field `data`.
trait ReadData<'de> {
    type Data: Deserialize<'de>;

    /// `event_type` is the event's type, if it came before.
    fn read<A: MapAccess<'de>>(
        &self,
        event_type: Option<&str>,
        map: &mut A,
    ) -> Result<Self::Data, A::Error>;
}

impl<'de, T: Deserialize<'de>> ReadData<'de> for PhantomData<T> {
    type Data = T;

    fn read<A: MapAccess<'de>>(&self, _: Option<&str>, map: &mut A) -> Result<T, A::Error> {
        map.next_value()
    }
}

/// Reads `data` raw, to be read by the event's type afterwards.
struct ByType {
    /// Reads `data` by the event's type at once if the type came before. This saves a quarter of the
    /// instructions, but only if the body was repaired and is read again after an error: errors do
    /// not name the field as they should.
    in_place: bool,
}

enum ByTypeOrRaw<'de> {
    Data(EventData),
    Raw(Raw<'de>),
}

impl<'de> Deserialize<'de> for ByTypeOrRaw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(Self::Raw)
    }
}

impl<'de> ReadData<'de> for ByType {
    type Data = ByTypeOrRaw<'de>;

    fn read<A: MapAccess<'de>>(
        &self,
        event_type: Option<&str>,
        map: &mut A,
    ) -> Result<Self::Data, A::Error> {
        let event_type = event_type.filter(|_| self.in_place);
        match event_type.and_then(|event_type| EventData::read_next(event_type, map)) {
            Some(data) => data.map(ByTypeOrRaw::Data),
            None => map.next_value(),
        }
    }
}

struct AnEvent<R>(R);

impl<'de, R: ReadData<'de>> Visitor<'de> for AnEvent<R> {
    type Value = Event<R::Data>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event<R::Data>, A::Error> {
        let (mut id, mut event_type, mut created) = (None, None::<String>, None);
        let (mut organization_id, mut data, mut extra) = (None, None, Fields::new());
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "id" => read_required(&mut id, "id", &mut map)?,
                "type" => read_required(&mut event_type, "type", &mut map)?,
                "created" => read_required(&mut created, "created", &mut map)?,
                "data" => match data.replace(self.0.read(event_type.as_deref(), &mut map)?) {
                    None => {}
                    Some(_) => return Err(A::Error::duplicate_field("data")),
                },
                "organization_id" => {
                    read_optional(&mut organization_id, ORGANIZATION, &mut map, &mut extra)?;
                }
                _ => add_field(&mut extra, name.into_owned(), &mut map)?,
            }
        }
        let missing = A::Error::missing_field;
        Ok(Event {
            id: id.ok_or_else(|| missing("id"))?,
            event_type: event_type.ok_or_else(|| missing("type"))?,
            created: created.ok_or_else(|| missing("created"))?,
            organization_id: organization_id.unwrap_or_default(),
            data: data.map_or_else(absent, Ok)?,
            extra,
        })
    }
}

/// The field's name in the counts, and in JSON. The envelope has no name to put before it.
const ORGANIZATION: (&str, &str) = ("organization_id", "organization_id");

/// Reads missing `data` as `null`, if `T` can be read from that.
fn absent<'de, T: Deserialize<'de>, E: Error>() -> Result<T, E> {
    T::deserialize(UnitDeserializer::<E>::new()).map_err(|_| E::missing_field("data"))
}

impl<T: Serialize> Serialize for Event<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.event_type)?;
        map.serialize_entry("created", &Written(&self.created))?;
        map.serialize_entry("data", &self.data)?;
        if let Some(organization) = &self.organization_id {
            map.serialize_entry("organization_id", organization)?;
        }
        for (name, value) in &self.extra {
            // Otherwise the field would be there twice, and could not be read again.
            let is_written = match name.as_str() {
                "id" | "type" | "created" | "data" => true,
                "organization_id" => self.organization_id.is_some(),
                _ => false,
            };
            if !is_written {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
