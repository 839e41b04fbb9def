use super::{ActixReceiver, Receiver};

/// A receiver on either framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyReceiver {
    Axum(Receiver),
    Actix(ActixReceiver),
}

impl AnyReceiver {
    /// All receivers, those on axum first.
    pub fn all() -> impl Iterator<Item = Self> {
        let on_actix = ActixReceiver::ALL.into_iter().map(Self::Actix);
        Receiver::ALL.into_iter().map(Self::Axum).chain(on_actix)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Axum(receiver) => receiver.name(),
            Self::Actix(receiver) => receiver.name(),
        }
    }

    /// The receiver on the same framework whose handler hashes the body once.
    #[must_use]
    pub fn hashing(self) -> Self {
        match self {
            Self::Axum(_) => Self::Axum(Receiver::Hashing),
            Self::Actix(_) => Self::Actix(ActixReceiver::Hashing),
        }
    }
}
