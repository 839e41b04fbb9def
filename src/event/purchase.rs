use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Fan, Fields, LiveEvent, decimal};

/// Tickets that somebody bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Purchase {
    /// `pur_…`.
    pub id: String,
    /// Who bought.
    pub fan: Fan,
    /// What for.
    pub event: LiveEvent,
    /// What was bought.
    pub tickets: Vec<Ticket>,
    /// What all of it costs, in `currency`; exact.
    #[serde(with = "decimal")]
    pub total: Decimal,
    /// Three letters, `EUR`.
    pub currency: String,
    /// `card`, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// `completed`, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchased_at: Option<Timestamp>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}

/// Tickets of one kind within a purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ticket {
    /// `General Admission`, for one.
    #[serde(rename = "type")]
    pub ticket_type: String,
    /// How many.
    pub quantity: u32,
    /// What one of them costs; exact.
    #[serde(with = "decimal")]
    pub price: Decimal,
    /// Three letters, `EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}
