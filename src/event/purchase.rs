use jiff::Timestamp;
use rust_decimal::Decimal;

use super::object::object;
use super::{Fan, LiveEvent};

object! {
    /// Tickets that a fan bought.
    pub struct Purchase in "purchase" {
        required: {
            /// The purchase's id, `pur_…`.
            id: String = "id",
            /// The buyer.
            fan: Fan = "fan",
            /// The live event that the tickets are for.
            event: LiveEvent = "event",
            /// The tickets, one entry per kind.
            tickets: Vec<Ticket> = "tickets",
            /// The exact price of all tickets, in `currency`.
            total: Decimal = "total",
            /// Currency, in three letters such as `EUR`.
            currency: String = "currency",
        }
        optional: {
            /// Payment method, such as `card`.
            payment_method: Option<String>,
            /// Status, such as `completed`.
            status: Option<String>,
            /// When the fan bought the tickets.
            purchased_at: Option<Timestamp>,
        }
    }
}

object! {
    /// Tickets of one kind within a purchase.
    pub struct Ticket in "ticket" {
        required: {
            /// Kind of ticket, such as `General Admission`.
            ticket_type: String = "type",
            /// Number of tickets. It may be negative in a refund.
            quantity: i64 = "quantity",
            /// The exact price of one ticket.
            price: Decimal = "price",
        }
        optional: {
            /// Currency, in three letters such as `EUR`.
            currency: Option<String>,
        }
    }
}
