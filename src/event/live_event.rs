use jiff::{Timestamp, civil::Date};

use super::object::object;

object! {
    /// A concert, a festival or another event that tickets are sold for.
    ///
    /// Nevent's documentation calls this an event too. In this crate an
    /// [`Event`](super::Event) is the webhook's message.
    pub struct LiveEvent in "event" {
        required: {
            /// The live event's id, `evt_…`. Ids of webhook events look the same.
            id: String = "id",
            /// Title.
            name: String = "name",
        }
        optional: {
            /// The day of the event.
            date: Option<Date>,
            /// The place of the event.
            venue: Option<Venue>,
            /// The artists who play.
            lineup: Vec<Artist>,
            /// When the event was published.
            published_at: Option<Timestamp>,
        }
    }
}

object! {
    /// A place where live events are held.
    pub struct Venue in "venue" {
        required: {
            /// Name, such as `Sala Apolo`.
            name: String = "name",
        }
        optional: {
            /// City.
            city: Option<String>,
        }
    }
}

object! {
    /// An artist in a line-up.
    pub struct Artist in "artist" {
        required: {
            /// Name on the bill.
            name: String = "name",
        }
        optional: {
            /// The artist's id at Spotify.
            spotify_id: Option<String>,
        }
    }
}
