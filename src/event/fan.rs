use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fields, or_empty};

/// A person, as far as the sender knows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fan {
    /// `fan_…`.
    pub id: String,
    /// Where they read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// With its country code, `+34600123456`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Two letters, `ES`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What the organisation has marked them with.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The organisation's own fields.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Fields::is_empty")]
    pub custom_fields: Fields,
    /// When the sender first knew them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// How they came, `Event Registration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}
