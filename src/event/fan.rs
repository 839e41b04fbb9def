use jiff::Timestamp;

use super::Fields;
use super::object::object;

object! {
    /// A person, as far as the sender knows them.
    pub struct Fan in "fan" {
        required: {
            /// `fan_…`.
            id: String = "id",
        }
        optional: {
            /// Email address.
            email: Option<String>,
            /// Given name.
            first_name: Option<String>,
            /// Family name.
            last_name: Option<String>,
            /// Phone number with its country code, `+34600123456`.
            phone: Option<String>,
            /// City of residence.
            city: Option<String>,
            /// Country of residence in two letters, `ES`.
            country: Option<String>,
            /// The organisation's labels.
            tags: Vec<String>,
            /// The organisation's own fields.
            custom_fields: Fields,
            /// When the sender first knew them.
            created_at: Option<Timestamp>,
            /// How they came, `Event Registration`.
            source: Option<String>,
        }
    }
}
