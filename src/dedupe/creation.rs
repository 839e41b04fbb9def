//! The age of an event by its body: `DedupeOptions::reject_events_older_than_retention`.

use std::time::Duration;

use super::{Dedupe, Times};
use crate::delivery::{AnyDelivery, Proof, body_field};
use crate::{CreationTimeError, Rejection};

/// How far the sender's clock may be ahead of this receiver's.
const AHEAD: Duration = Duration::from_secs(300);

/// How much longer the store keeps records than the limit of the age: as far as the clocks may
/// differ, and a second because ages are whole seconds. Otherwise an event with a time of creation in
/// the future could be repeated after its record has expired, and not yet be too old.
pub(super) const KEPT_LONGER: Duration = AHEAD.saturating_add(Duration::from_secs(1));

impl Dedupe {
    /// Checks that the record of this delivery, if there ever was one, still exists.
    pub(super) fn check_creation(
        &self,
        delivery: &impl AnyDelivery,
        times: &Times,
    ) -> Result<(), Rejection> {
        let Some(path) = &self.options.creation_field else { return Ok(()) };
        let now = delivery.accepted().proof().body_end();
        let oldest = times.retention.saturating_sub(KEPT_LONGER);
        check_age(delivery.accepted().body(), path, now, oldest).map_err(|error| {
            if delivery.accepted().terms().is_401_fatal {
                Rejection::CreationTimeForbidden(error)
            } else {
                Rejection::CreationTime(error)
            }
        })
    }
}

fn check_age(body: &[u8], path: &str, now: i64, oldest: Duration) -> Result<(), CreationTimeError> {
    let created = body_field(body, path).and_then(|text| unix_seconds(&text));
    let age = now.saturating_sub(created.ok_or(CreationTimeError::Missing)?);
    let longer_than = |limit: Duration, seconds: i64| {
        u64::try_from(seconds).is_ok_and(|seconds| seconds > limit.as_secs())
    };
    if longer_than(oldest, age) {
        return Err(CreationTimeError::TooOld { age });
    }
    let ahead = age.saturating_neg();
    if longer_than(AHEAD, ahead) {
        return Err(CreationTimeError::TooNew { ahead });
    }
    Ok(())
}

/// Unix seconds of at most 11 digits, milliseconds of 13, or RFC 3339.
fn unix_seconds(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(jiff::Timestamp::as_second);
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        1..=11 => Some(number),
        13 => number.checked_div(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_640_995_200;

    fn check(created: &str) -> Result<(), CreationTimeError> {
        let body = format!(r#"{{"data":{{"created":{created}}}}}"#);
        check_age(body.as_bytes(), "data.created", NOW, Duration::from_secs(1000))
    }

    #[test]
    fn a_time_is_read_in_any_of_its_formats() {
        for now in [
            "1640995200",
            r#""1640995200""#,
            "1640995200999",
            r#""1640995200000""#,
            r#""2022-01-01T00:00:00Z""#,
            r#""2022-01-01T01:00:00.25+01:00""#,
        ] {
            assert_eq!(check(now), Ok(()), "{now}");
        }
        for unreadable in [
            "null",
            "-1",
            "1.5",
            "1e9",
            "164099520000",
            "1640995200000000",
            r#""""#,
            r#""today""#,
            r#""2022-01-01T00:00:00""#,
            r#""2022-01-01""#,
            "{}",
            "1640995200,\"created\":1640995200",
        ] {
            assert_eq!(check(unreadable), Err(CreationTimeError::Missing), "{unreadable}");
        }
    }

    #[test]
    fn an_event_may_be_as_old_as_the_retention_and_five_minutes_ahead() {
        let at = |seconds: i64| check(&seconds.to_string());
        assert_eq!(at(NOW - 1000), Ok(()));
        assert_eq!(at(NOW - 1001), Err(CreationTimeError::TooOld { age: 1001 }));
        assert_eq!(at(NOW + 300), Ok(()));
        assert_eq!(at(NOW + 301), Err(CreationTimeError::TooNew { ahead: 301 }));
        assert_eq!(at(0), Err(CreationTimeError::TooOld { age: NOW }));
    }
}
