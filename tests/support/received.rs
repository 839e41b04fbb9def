use axum::http::Extensions;
use nevent_webhooks::{Batch, Delivery, Event, EventData, Rejection};

/// What a handler is given.
pub struct Received {
    pub delivery: Delivery,
    pub event: Option<Result<Event<EventData>, Rejection>>,
    pub batch: Option<Result<Batch, Rejection>>,
}

/// What a handler asks for beside the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Nothing,
    Event,
    Batch,
    /// And the batch, so that the event is read twice.
    EventAndBatch,
}

impl Asks {
    pub(super) fn event(self) -> bool {
        matches!(self, Self::Event | Self::EventAndBatch)
    }

    pub(super) fn batch(self) -> bool {
        matches!(self, Self::Batch | Self::EventAndBatch)
    }
}

impl Received {
    pub(super) fn of_extensions(extensions: &Extensions, asks: Asks) -> Self {
        Self {
            delivery: extensions.get::<Delivery>().expect("behind the layers").clone(),
            event: asks.event().then(|| Event::from_extensions(extensions)),
            batch: asks.batch().then(|| Batch::from_extensions(extensions)),
        }
    }

    #[cfg(feature = "actix")]
    pub(super) fn of_request(request: &actix_web::HttpRequest, asks: Asks) -> Self {
        use actix_web::FromRequest;
        use actix_web::dev::Payload;

        let none = &mut Payload::None;
        Self {
            delivery: Delivery::from_request(request, none)
                .into_inner()
                .expect("behind the layers"),
            event: asks.event().then(|| Event::from_request(request, none).into_inner()),
            batch: asks.batch().then(|| Batch::from_request(request, none).into_inner()),
        }
    }
}
