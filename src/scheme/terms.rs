use std::time::Duration;

/// The terms of a sender: how long it waits, for how long it sends again, how long its bodies are, and
/// which statuses it understands.
///
/// The layers take their defaults from the terms of a delivery's sender. The default terms are
/// Nevent's: a timeout of 10 s, retries for 9 h, bodies of at most 1 MiB, and any 2xx as success.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::scheme::Terms;
///
/// const TERMS: Terms = Terms::new()
///     .timeout(Duration::from_secs(7))
///     .retry_horizon(Duration::from_secs(24 * 3600))
///     .forbidden_for_unauthorized();
/// assert_eq!(TERMS.response_deadline(), Duration::from_millis(6300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Terms {
    timeout: Duration,
    retry_horizon: Duration,
    body_limit: usize,
    pub(crate) is_401_fatal: bool,
    pub(crate) only_200_is_success: bool,
}

impl Terms {
    /// Creates the default terms.
    pub const fn new() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            // Five retries after 1 min, 5 min, 30 min, 2 h and 6 h take 8 h 36 min. With their
            // timeouts and some slack that is nine hours.
            retry_horizon: Duration::from_secs(9 * 3600),
            body_limit: 1024 * 1024,
            is_401_fatal: false,
            only_200_is_success: false,
        }
    }

    /// Sets how long the sender waits for a response. Default 10 s.
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets for how long after its first attempt the sender may send a delivery again, by itself or by
    /// hand. Default 9 h. The store keeps a completed delivery for at least that long.
    pub const fn retry_horizon(self, retry_horizon: Duration) -> Self {
        Self { retry_horizon, ..self }
    }

    /// Sets how many bytes a body may have. Default 1 MiB (1,048,576 bytes).
    pub const fn body_limit(self, bytes: usize) -> Self {
        Self { body_limit: bytes, ..self }
    }

    /// Rejects with 403 where the layers would reject with 401, for a sender that stops sending after
    /// a 401.
    pub const fn forbidden_for_unauthorized(self) -> Self {
        Self { is_401_fatal: true, ..self }
    }

    /// Sends 200 in place of any other 2xx of the handler, for a sender that takes the others for
    /// failures.
    pub const fn only_200_is_success(self) -> Self {
        Self { only_200_is_success: true, ..self }
    }

    /// Whether the sender takes this status for a failure although it is 2xx.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn counts_as_failure(&self, status: u16) -> bool {
        self.only_200_is_success && matches!(status, 201..=299)
    }

    /// The default response deadline: nine tenths of the timeout.
    #[must_use]
    pub const fn response_deadline(&self) -> Duration {
        self.timeout.saturating_sub(tenths(self.timeout, 1))
    }

    /// The default time for a whole body: eight tenths of the timeout, and at least a second less than
    /// the timeout.
    #[must_use]
    pub const fn body_timeout(&self) -> Duration {
        let most = tenths(self.timeout, 8);
        let second_less = self.timeout.saturating_sub(Duration::from_secs(1));
        if second_less.as_millis() < most.as_millis() && !second_less.is_zero() {
            second_less
        } else {
            most
        }
    }

    /// The shortest retention: the time for which the sender may send a delivery again.
    #[must_use]
    pub const fn least_retention(&self) -> Duration {
        self.retry_horizon
    }

    /// The default retention: 24 h, or an hour more than the retry horizon if that is longer.
    #[must_use]
    pub const fn retention(&self) -> Duration {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let reaching = self.retry_horizon.saturating_add(Duration::from_secs(3600));
        if reaching.as_secs() > DAY.as_secs() { reaching } else { DAY }
    }

    /// The default body limit in bytes.
    #[must_use]
    pub const fn most_bytes(&self) -> usize {
        self.body_limit
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::new()
    }
}

const fn tenths(duration: Duration, tenths: u32) -> Duration {
    match duration.saturating_mul(tenths).checked_div(10) {
        Some(part) => part,
        None => Duration::ZERO,
    }
}
