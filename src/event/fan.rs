use jiff::Timestamp;

use super::Fields;
use super::object::object;

object! {
    /// A person in the organisation's audience.
    pub struct Fan in "fan" {
        required: {
            /// The fan's id, `fan_…`.
            id: String = "id",
        }
        optional: {
            /// Email address.
            email: Option<String>,
            /// Given name.
            first_name: Option<String>,
            /// Family name.
            last_name: Option<String>,
            /// Phone number with its country code, such as `+34600123456`.
            phone: Option<String>,
            /// City of residence.
            city: Option<String>,
            /// Country of residence, in two letters such as `ES`.
            country: Option<String>,
            /// Labels that the organisation gave the fan.
            tags: Vec<String>,
            /// Fields that the organisation defined.
            custom_fields: Fields,
            /// When the fan was created.
            created_at: Option<Timestamp>,
            /// Where the fan comes from, such as `Event Registration`.
            source: Option<String>,
        }
    }
}
