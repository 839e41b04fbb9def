/// The frameworks that every row is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    Axum,
    Hyper,
    #[cfg(feature = "actix")]
    Actix,
}

/// Differences between the servers themselves.
impl Adapter {
    pub const ALL: &[Self] = &[
        Self::Axum,
        Self::Hyper,
        #[cfg(feature = "actix")]
        Self::Actix,
    ];

    /// hyper drops a handler whose client will send no more; actix lets it finish,
    /// unless the connection is reset.
    pub fn drops_what_a_client_left(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }

    /// actix keeps a handler, and the task that watches it, on one thread.
    pub fn moves_work_to_other_threads(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }

    /// actix ends the request with its response, so work that begins later has none.
    pub fn keeps_the_request_beyond_its_answer(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }

    /// actix answers `Expect: 100-continue` by itself.
    pub fn judges_before_the_body_is_asked_for(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }
}
