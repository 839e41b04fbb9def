//! Reading and writing the documented objects.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Fields;
use super::json::fields;

/// A documented object. It is under its own name in `data`, or in another object.
pub(super) trait Object: Sized {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;

    /// Adds the names of documented fields that could not be read.
    fn add_unread(&self, names: &mut Vec<&'static str>);
}

/// An object of which the documentation shows no sample.
impl Object for Fields {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        fields(map)
    }

    fn add_unread(&self, _: &mut Vec<&'static str>) {}
}

/// A required field: an object without it is an error.
pub(super) trait Required: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    fn add_unread(&self, _: &mut Vec<&'static str>) {}
}

impl Required for String {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl<T: Object + Serialize> Required for T {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnObject(PhantomData).deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn add_unread(&self, names: &mut Vec<&'static str>) {
        Object::add_unread(self, names);
    }
}

impl<T> Required for Vec<T>
where
    T: Object + Serialize + for<'de> serde::Deserialize<'de>,
{
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn add_unread(&self, names: &mut Vec<&'static str>) {
        for object in self {
            Object::add_unread(object, names);
        }
    }
}

/// Reads an [`Object`].
pub(super) struct AnObject<T>(pub(super) PhantomData<T>);

impl<'de, T: Object> DeserializeSeed<'de> for AnObject<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object> Visitor<'de> for AnObject<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

struct ARequired<T>(PhantomData<T>);

impl<'de, T: Required> DeserializeSeed<'de> for ARequired<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

/// A [`Required`] field that can be serialized.
pub(super) struct Written<'a, T>(pub(super) &'a T);

impl<T: Required> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// Reads a required field.
pub(super) fn read_required<'de, T: Required, A: MapAccess<'de>>(
    field: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    match field.replace(map.next_value_seed(ARequired(PhantomData))?) {
        None => Ok(()),
        Some(_) => Err(A::Error::duplicate_field(name)),
    }
}

/// Makes a struct of the documented fields, with `extra` for the others. The name after `in`
/// comes before the names of fields that could not be read.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $object:ident in $place:literal {
            required: {$(
                $(#[$required_doc:meta])*
                $required:ident: $required_type:ty = $required_name:literal,
            )*}
            optional: {$(
                $(#[$optional_doc:meta])*
                $optional:ident: $optional_type:ty,
            )*}
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $object {
            $($(#[$required_doc])* pub $required: $required_type,)*
            $($(#[$optional_doc])* pub $optional: $optional_type,)*
            /// Undocumented fields, and documented ones that could not be read.
            pub extra: $crate::event::Fields,
        }

        impl $crate::event::object::Object for $object {
            fn from_map<'de, A: serde::de::MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
                use $crate::event::{json::{Name, add_field}, object, optional};
                $(let mut $required = None;)*
                $(let mut $optional = None;)*
                let mut extra = $crate::event::Fields::new();
                while let Some(Name(name)) = map.next_key()? {
                    match &*name {
                        $($required_name => {
                            object::read_required(&mut $required, $required_name, &mut map)?;
                        })*
                        $(stringify!($optional) => {
                            let name = (concat!($place, ".", stringify!($optional)), stringify!($optional));
                            optional::read_optional(&mut $optional, name, &mut map, &mut extra)?;
                        })*
                        _ => add_field(&mut extra, name.into_owned(), &mut map)?,
                    }
                }
                let missing = <A::Error as serde::de::Error>::missing_field;
                Ok(Self {
                    $($required: $required.ok_or_else(|| missing($required_name))?,)*
                    $($optional: $optional.unwrap_or_default(),)*
                    extra,
                })
            }

            fn add_unread(&self, names: &mut Vec<&'static str>) {
                use $crate::event::{object::Required, optional::Optional};
                $(Required::add_unread(&self.$required, names);)*
                $(if self.$optional.is_empty() && self.extra.contains_key(stringify!($optional)) {
                    names.push(concat!($place, ".", stringify!($optional)));
                }
                Optional::add_unread(&self.$optional, names);)*
            }
        }

        impl<'de> serde::Deserialize<'de> for $object {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::event::object::Required::read(deserializer)
            }
        }

        impl serde::Serialize for $object {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                use $crate::event::{object::Written, optional::Optional};
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry($required_name, &Written(&self.$required))?;)*
                $(if !self.$optional.is_empty() {
                    map.serialize_entry(stringify!($optional), &self.$optional)?;
                })*
                for (name, value) in &self.extra {
                    // Otherwise the field would be there twice, and could not be read again.
                    let is_written = match name.as_str() {
                        $($required_name => true,)*
                        $(stringify!($optional) => !self.$optional.is_empty(),)*
                        _ => false,
                    };
                    if !is_written {
                        map.serialize_entry(name, value)?;
                    }
                }
                map.end()
            }
        }
    };
}
pub(super) use object;
