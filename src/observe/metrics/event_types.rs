/// The documented types of events.
pub(super) const DOCUMENTED: [&str; 17] = [
    "fan.created",
    "fan.updated",
    "fan.deleted",
    "purchase.completed",
    "purchase.refunded",
    "purchase.cancelled",
    "attendance.checked_in",
    "attendance.checked_out",
    "email.sent",
    "email.opened",
    "email.clicked",
    "sms.sent",
    "sms.delivered",
    "event.created",
    "event.updated",
    "event.published",
    "event.cancelled",
];

/// The type's place among the documented ones, and its name. A sender chooses the text, so any other is
/// `other`: otherwise it could make series without end.
pub(super) fn documented(event_type: Option<&str>) -> (usize, &'static str) {
    let found = DOCUMENTED.iter().enumerate().find(|(_, known)| Some(**known) == event_type);
    found.map_or((DOCUMENTED.len(), "other"), |(position, known)| (position, known))
}

#[cfg(all(test, feature = "events"))]
mod tests {
    use super::*;
    use crate::event::DOCUMENTED_TYPES;

    #[test]
    fn the_types_are_those_of_the_typed_events() {
        assert_eq!(DOCUMENTED, DOCUMENTED_TYPES);
        assert_eq!(documented(Some("fan.updated")), (1, "fan.updated"));
        assert_eq!(documented(Some("fan")), (17, "other"));
        assert_eq!(documented(None), (17, "other"));
    }
}
