use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::check::Check;
use super::header::malformed;
use super::keyed::{Labels, Matched};
use super::secrets::Secrets;
use super::timestamp::Timestamp;
use super::{ReplayKeys, Tolerance, VerifyError};
use crate::scheme::{Format, Sender, Signed, TimeSource};

/// A verification in progress. It uses the secrets that the verifier had when it began. Drop it to
/// cancel the verification.
///
/// ```
/// use nevent_webhooks::{Secret, Verifier};
///
/// let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
/// let header = "t=1640995200,v1=16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
/// let mut verification = verifier.begin([header.as_bytes()])?;
/// for piece in [&br#"{"id":"evt_01234567890","#[..], b"..."] {
///     verification.update(piece);
/// }
/// assert!(verification.finish(1_640_995_260).is_err(), "another body");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is verified before `finish`"]
pub struct Verification {
    scheme: &'static str,
    labels: Labels,
    tolerance: Tolerance,
    check: Check,
    /// In Unix seconds. `None` if the signature covers no time.
    time: Option<i64>,
    /// `None` if the signature covers no id.
    id: Option<Arc<str>>,
}

impl Verification {
    /// A verification that has not started yet.
    #[inline]
    pub(super) fn new(sender: &Sender, secrets: &Secrets, tolerance: Tolerance) -> Self {
        let labels = Arc::clone(&secrets.labels);
        let check = Check::new(sender.format.hash);
        Self { scheme: sender.name, labels, tolerance, check, time: None, id: None }
    }

    /// The same in a box, where it is written in place.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(super) fn boxed(sender: &Sender, secrets: &Secrets, tolerance: Tolerance) -> Box<Self> {
        Box::write(Box::new_uninit(), Self::new(sender, secrets, tolerance))
    }

    /// Starts a MAC under each secret.
    ///
    /// Not part of `new`, because moving the MACs takes longer than to start them.
    pub(super) fn start(&mut self, secrets: &Secrets) {
        self.check.start(secrets);
    }

    /// Parses the line of the signature header, and feeds everything that comes before the body to the
    /// MACs. `line_of` returns the only line of another header.
    pub(super) fn read_headers<'a>(
        &mut self,
        format: &Format,
        line: &'a [u8],
        line_of: impl Fn(&'static str) -> Result<&'a [u8], VerifyError>,
    ) -> Result<(), VerifyError> {
        let Self { check, id, .. } = self;
        let mut time = check.read_header(line, format)?;
        if let Some(TimeSource::Header(header)) = format.signed.time() {
            time = Some(Timestamp::parse(line_of(header)?)?);
        }
        self.time = time.map(|time| time.unix_seconds);
        let time_text = time.map_or(&[][..], |time| time.text);
        check.update_all([format.before.as_bytes()]);
        match format.signed {
            Signed::Body => {}
            Signed::Time { separator, .. } => {
                check.update_all([time_text, separator.as_bytes()]);
            }
            Signed::IdAndTime { id_header, separator, .. } => {
                let id = id.insert(signed_id(line_of(id_header)?, separator)?).as_bytes();
                check.update_all([id, separator.as_bytes(), time_text, separator.as_bytes()]);
            }
        }
        Ok(())
    }

    /// Adds the next piece of the body, exactly as it arrived.
    pub fn update(&mut self, bytes: &[u8]) {
        self.check.update(bytes);
    }

    /// Checks the MAC, then the timestamp. `now` is the time at the end of the body, in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`VerifyError::InvalidSignature`] if no digest matches. [`VerifyError::TimestampTooOld`] or
    /// [`VerifyError::TimestampTooNew`] if the delivery is genuine but not fresh.
    pub fn finish(mut self, now: i64) -> Result<Verified, VerifyError> {
        self.check_all(now)
    }

    /// As [`Verification::finish`], without moving the MACs. They are of no use afterwards.
    pub(crate) fn check_all(&mut self, now: i64) -> Result<Verified, VerifyError> {
        let (index, replay_keys) = self.check.finish().ok_or(VerifyError::InvalidSignature)?;
        let time = match self.time {
            None => None,
            Some(timestamp) => {
                let age = now.saturating_sub(timestamp);
                self.tolerance.check(age)?;
                Some(SignedTime { timestamp, age, replay_window: self.tolerance.replay_window() })
            }
        };
        let secret_name = Matched::new(Arc::clone(&self.labels), index);
        secret_name.count();

        Ok(Verified {
            scheme: self.scheme,
            #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
            body_end: now,
            #[cfg(feature = "queue")]
            received_at: now.saturating_mul(1000),
            time,
            id: self.id.take(),
            secret_name,
            tenant: None,
            replay_keys,
        })
    }
}

/// An id that contains the separator could be split from the time in another place.
pub(super) fn signed_id(line: &[u8], separator: &str) -> Result<Arc<str>, VerifyError> {
    match std::str::from_utf8(line) {
        Err(_) => Err(malformed("a signed id that is not UTF-8")),
        Ok(id) if id.contains(separator) => Err(malformed("a signed id with a separator in it")),
        Ok(id) => Ok(id.into()),
    }
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification").finish_non_exhaustive()
    }
}

/// Proof that a body is genuine and, if the signature covers a time, fresh. Only
/// [`Verification::finish`] and [`Verifier::verify`](crate::Verifier::verify) create one.
#[derive(Debug, Clone)]
pub struct Verified {
    scheme: &'static str,
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    body_end: i64,
    #[cfg(feature = "queue")]
    received_at: i64,
    time: Option<SignedTime>,
    id: Option<Arc<str>>,
    secret_name: Matched,
    tenant: Option<Arc<str>>,
    replay_keys: ReplayKeys,
}

#[derive(Debug, Clone)]
struct SignedTime {
    timestamp: i64,
    age: i64,
    replay_window: Duration,
}

impl Verified {
    /// The name of the sender's scheme: `"nevent"` unless you chose another.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// When the delivery was signed, in Unix seconds. `None` if the sender's signature covers no time.
    /// Nevent's does.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.time.as_ref().map(|time| time.timestamp)
    }

    /// Seconds between the signature and the end of the body. Negative if the sender's clock
    /// is ahead. `None` if the sender's signature covers no time. Nevent's does.
    #[must_use]
    pub fn age(&self) -> Option<i64> {
        self.time.as_ref().map(|time| time.age)
    }

    /// The delivery id, if the signature covers it. Nevent's does not.
    #[must_use]
    pub fn signed_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The name of the secret that matched.
    #[must_use]
    pub fn secret_name(&self) -> &str {
        self.secret_name.name()
    }

    /// The name of the tenant whose secret matched. `None` unless the layer has a verifier
    /// per tenant: see [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The keys by which a store recognises these signed bytes under another delivery id. There is one
    /// for each of the verifier's secrets, in their order.
    #[must_use]
    pub fn replay_keys(&self) -> &ReplayKeys {
        &self.replay_keys
    }

    /// The time during which a replay of the signature could be accepted. It is the sum of both
    /// tolerances and one minute for receivers whose clocks differ. `None` if the signature covers no
    /// time: a replay could then be accepted for as long as the secret is in use.
    #[must_use]
    pub fn replay_window(&self) -> Option<Duration> {
        self.time.as_ref().map(|time| time.replay_window)
    }

    /// When the body ended, in Unix seconds by the caller's clock.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn body_end(&self) -> i64 {
        self.body_end
    }

    /// The same with the end of the body in Unix milliseconds.
    #[cfg(feature = "queue")]
    pub(crate) fn received_at(self, received_at: i64) -> Self {
        Self { received_at, ..self }
    }

    /// When the body ended, in Unix milliseconds by the caller's clock.
    #[cfg(feature = "queue")]
    pub(crate) fn received_at_millis(&self) -> i64 {
        self.received_at
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn of_tenant(mut self, tenant: Arc<str>) -> Self {
        self.tenant = Some(tenant);
        self
    }
}
