//! Events and batches from the extensions of a request, for handlers without extractors.

use http::Extensions;
use serde::de::DeserializeOwned;

use crate::batch::Batch;
use crate::extract::RequestContext;
use crate::observe::log;
use crate::{Delivery, Event, Rejection};

impl<T> Event<T> {
    /// Reads the event of a request that came through [`VerifyLayer`](crate::VerifyLayer),
    /// as the extractors of axum do. (Give the type: `let event: Event = …`.)
    ///
    /// ```
    /// use http::Request;
    /// use nevent_webhooks::{Event, Rejection, VerifiedBody};
    ///
    /// fn handle(request: Request<VerifiedBody>) -> Result<(), Rejection> {
    ///     let event: Event = Event::from_extensions(request.extensions())?;
    ///     println!("{}", event.event_type);
    ///     Ok(())
    /// }
    /// # use axum::http;
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection::Event`] if the body is not such an event, and
    /// [`Rejection::MissingVerifyLayer`] if the request did not come through the layer.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection>
    where
        Self: DeserializeOwned,
    {
        let (delivery, context) = verified(extensions)?;
        context.event(delivery)
    }
}

impl Batch {
    /// Reads the events of a request that came through [`VerifyLayer`](crate::VerifyLayer)
    /// and [`DedupeLayer`](crate::DedupeLayer), as the extractors of axum do.
    ///
    /// # Errors
    ///
    /// [`Rejection::Event`] for what is neither an event nor a batch, and for a
    /// batch of more than 1,000. [`Rejection::MissingVerifyLayer`] and
    /// [`Rejection::MissingDedupeLayer`] if the request did not come through these layers.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection> {
        let (delivery, context) = verified(extensions)?;
        context.batch(delivery)
    }
}

fn verified(extensions: &Extensions) -> Result<(&Delivery, &RequestContext), Rejection> {
    let found = extensions.get::<Delivery>().zip(extensions.get::<RequestContext>());
    found.ok_or(Rejection::MissingVerifyLayer).inspect_err(log::missing_layer)
}
