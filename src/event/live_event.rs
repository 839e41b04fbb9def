use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Fields, or_empty};

/// What people buy tickets for: a concert, a festival. (An [`Event`](super::Event) is
/// what the webhook tells; its documentation calls both by the same name.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiveEvent {
    /// `evt_…`, as the ids of webhook events.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The day of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Where it takes place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Who plays.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub lineup: Vec<Artist>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}

/// A place where events take place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Venue {
    /// What it is called.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}

/// Somebody of a line-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Artist {
    /// As on the bill.
    pub name: String,
    /// Their id at Spotify.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spotify_id: Option<String>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}
