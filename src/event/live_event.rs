use jiff::{Timestamp, civil::Date};

use super::object::object;

object! {
    /// A concert, a festival: what tickets are sold for. (An [`Event`](super::Event) is the
    /// webhook's; its documentation calls both by the same name.)
    pub struct LiveEvent in "event" {
        required: {
            /// `evt_…`, as the ids of webhook events.
            id: String = "id",
            /// Title.
            name: String = "name",
        }
        optional: {
            /// The day it takes place.
            date: Option<Date>,
            /// The place.
            venue: Option<Venue>,
            /// The artists who play.
            lineup: Vec<Artist>,
            /// When it was published.
            published_at: Option<Timestamp>,
        }
    }
}

object! {
    /// A place where events take place.
    pub struct Venue in "venue" {
        required: {
            /// `Sala Apolo`, for one.
            name: String = "name",
        }
        optional: {
            /// The city it is in.
            city: Option<String>,
        }
    }
}

object! {
    /// An artist of a line-up.
    pub struct Artist in "artist" {
        required: {
            /// As on the bill.
            name: String = "name",
        }
        optional: {
            /// Their id at Spotify.
            spotify_id: Option<String>,
        }
    }
}
