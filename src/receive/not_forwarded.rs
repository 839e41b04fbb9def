use crate::Rejection;

/// Why a request does not go on to the handler, and so what it is answered.
pub(crate) enum NotForwarded {
    Rejected(Rejection),
    /// A handshake, which is answered with its challenge.
    #[cfg(feature = "schemes")]
    Handshake {
        challenge: String,
    },
}

impl From<Rejection> for NotForwarded {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
