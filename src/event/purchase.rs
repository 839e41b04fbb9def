use jiff::Timestamp;
use rust_decimal::Decimal;

use super::object::object;
use super::{Fan, LiveEvent};

object! {
    /// Tickets that somebody bought.
    pub struct Purchase in "purchase" {
        required: {
            /// `pur_…`.
            id: String = "id",
            /// The buyer.
            fan: Fan = "fan",
            /// The event that the tickets are for.
            event: LiveEvent = "event",
            /// The tickets, one entry per kind.
            tickets: Vec<Ticket> = "tickets",
            /// The price of all tickets, in `currency`; exact.
            total: Decimal = "total",
            /// Three letters, `EUR`.
            currency: String = "currency",
        }
        optional: {
            /// `card`, for one.
            payment_method: Option<String>,
            /// `completed`, for one.
            status: Option<String>,
            /// When it was bought.
            purchased_at: Option<Timestamp>,
        }
    }
}

object! {
    /// Tickets of one kind within a purchase.
    pub struct Ticket in "ticket" {
        required: {
            /// `General Admission`, for one.
            ticket_type: String = "type",
            /// How many. A refund may say it with a minus.
            quantity: i64 = "quantity",
            /// The price of one ticket; exact.
            price: Decimal = "price",
        }
        optional: {
            /// Three letters, `EUR`.
            currency: Option<String>,
        }
    }
}
