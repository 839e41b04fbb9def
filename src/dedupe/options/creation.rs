use std::sync::Arc;

use super::{DedupeOptions, OptionsError};

impl DedupeOptions {
    /// Rejects events that are older than the retention, by the time of creation in this field of the
    /// JSON body. The response is 401 `Event too old`, and the store is not asked.
    ///
    /// If the sender's signature covers no time, a captured request stays genuine, and after the
    /// retention nothing recognises it as a repeat. This setting closes that gap for senders whose
    /// events say when they were created, because the signature covers the body. A record that is lost
    /// sooner, by an eviction or with the memory of a process, still leaves one.
    ///
    /// The path has names and, for arrays, positions from 0, between full stops: `data.created_at`.
    /// The time is Unix seconds or milliseconds (13 digits), as a number or a string, or a string in
    /// RFC 3339. **A body without such a time is rejected as well**, with 401 `Missing creation time`:
    /// otherwise an attacker could replay the bodies that have none. A batch is such a body. A time
    /// more than five minutes in the future is rejected with 401 `Event too new`. The status is 403
    /// for a sender that stops sending after a 401.
    ///
    /// The age is measured with the clock of
    /// [`VerifyOptions::clock`](crate::VerifyOptions::clock). The store keeps records for five minutes
    /// longer than the retention, in case the sender's clock is ahead. Keep the retention well above
    /// the sender's retry horizon, as it is by default: otherwise the last retries of an event
    /// arrive too late.
    ///
    /// ```
    /// use nevent_webhooks::{DedupeLayer, DedupeOptions, store::MemoryStore};
    ///
    /// let options = DedupeOptions::new().reject_events_older_than_retention("created");
    /// let dedupe = DedupeLayer::with_options("orders", MemoryStore::new(), options)?;
    /// # Ok::<(), nevent_webhooks::OptionsError>(())
    /// ```
    pub fn reject_events_older_than_retention(mut self, path: impl Into<Arc<str>>) -> Self {
        self.creation_field = Some(path.into());
        self
    }

    pub(super) fn check_creation_field(&self) -> Result<(), OptionsError> {
        match &self.creation_field {
            Some(path) if path.split('.').any(str::is_empty) => {
                Err(OptionsError::CreationField { path: path.to_string() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_an_empty_name_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b"] {
            let options = DedupeOptions::new().reject_events_older_than_retention(path);
            let error = options.checked().unwrap_err();
            assert_eq!(error, OptionsError::CreationField { path: path.to_owned() });
        }
        let options = DedupeOptions::new().reject_events_older_than_retention("data.0.created");
        assert!(options.checked().is_ok());
    }
}
