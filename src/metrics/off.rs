//! What the feature `metrics` does, without it: nothing.

#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use self::of_layers::*;

#[cfg(feature = "events")]
pub(crate) fn unread_field(_: &'static str) {}

#[cfg(feature = "memory")]
pub(crate) fn record_evicted() {}

#[cfg(feature = "events")]
pub(crate) fn event_age(_: i64, _: i64) {}

#[derive(Debug, Default)]
pub(crate) struct EventAge;

#[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
impl EventAge {
    pub(crate) fn record_once(&self, _: i64, _: i64) {}
}

#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod of_layers {
    use std::sync::Arc;

    use crate::delivery::Scope;
    use crate::observe::{LayerKind, Observer};

    pub(crate) fn observer(_: LayerKind) -> Option<Arc<dyn Observer>> {
        None
    }

    #[derive(Debug, Default)]
    pub(crate) struct InFlight;

    #[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
    impl InFlight {
        pub(crate) fn of(_: &Scope) -> Self {
            Self
        }

        pub(crate) fn taken(&self) {}

        pub(crate) fn given_back(&self) {}
    }

    #[derive(Debug, Default)]
    pub(crate) struct Split;

    #[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
    impl Split {
        pub(crate) fn set(&self) {}

        pub(crate) fn is_set(&self) -> bool {
            false
        }
    }
}

#[cfg(feature = "queue")]
pub(crate) use self::of_queues::*;

#[cfg(feature = "queue")]
mod of_queues {
    #[derive(Debug, Clone)]
    pub(crate) struct Attempts;

    #[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
    impl Attempts {
        pub(crate) fn new(_: &str) -> Self {
            Self
        }

        pub(crate) fn started(&self, _: i64) {}

        pub(crate) fn ended(&self, _: &str) {}
    }
}

#[cfg(all(feature = "queue", any(feature = "tower", feature = "actix")))]
pub(crate) use self::of_hand_overs::*;

#[cfg(all(feature = "queue", any(feature = "tower", feature = "actix")))]
mod of_hand_overs {
    use std::borrow::Cow;

    use crate::delivery::Scope;
    use crate::queue::QueueError;

    #[derive(Debug, Clone)]
    pub(crate) struct HandOvers;

    #[allow(clippy::unused_self, reason = "it has the signatures of the real one")]
    impl HandOvers {
        pub(crate) fn new(_: Cow<'static, str>) -> Self {
            Self
        }

        pub(crate) fn measure<F: Future<Output = Result<(), QueueError>>>(
            &self,
            _: &Scope,
            put: F,
        ) -> F {
            put
        }
    }
}
