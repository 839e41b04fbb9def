//! Events and batches from the extensions of a request, for handlers without extractors.

use http::Extensions;
use serde::de::DeserializeOwned;

use super::signed::signed_delivery;
use crate::batch::Batch;
use crate::extract::RequestContext;
use crate::observe::log;
use crate::{Delivery, Event, Rejection};

impl<T> Event<T> {
    /// Reads the event of a request that passed [`VerifyLayer`](crate::VerifyLayer), as the
    /// extractor of axum does. The caller names the type, as in `let event: Event = …`.
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
    /// [`Rejection::MissingVerifyLayer`] if the request did not pass the layer.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection>
    where
        Self: DeserializeOwned,
    {
        let (delivery, context) = verified(extensions)?;
        context.event(delivery)
    }
}

impl Batch {
    /// Reads the events of a request that passed [`VerifyLayer`](crate::VerifyLayer) and
    /// [`DedupeLayer`](crate::DedupeLayer), as the extractor of axum does.
    ///
    /// ```
    /// use http::Request;
    /// use nevent_webhooks::{Batch, Event, Rejection, VerifiedBody};
    ///
    /// async fn handle(request: Request<VerifiedBody>) -> Result<(), Rejection> {
    ///     let batch = Batch::from_extensions(request.extensions())?;
    ///     batch.process(8, on_event).await.into_result()
    /// }
    ///
    /// async fn on_event(event: Event) -> Result<(), String> {
    ///     println!("{}", event.event_type);
    ///     Ok(())
    /// }
    /// # use axum::http;
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection::Event`] if the body is neither an event nor a batch, and
    /// [`Rejection::TooManyEvents`] for a batch of more than 1,000 events.
    /// [`Rejection::MissingVerifyLayer`] and [`Rejection::MissingDedupeLayer`] if the request did
    /// not pass these layers.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection> {
        let (delivery, context) = verified(extensions)?;
        context.batch(delivery)
    }
}

fn verified(extensions: &Extensions) -> Result<(&Delivery, &RequestContext), Rejection> {
    let delivery = signed_delivery(extensions)?;
    let context = extensions.get().ok_or(Rejection::MissingVerifyLayer);
    Ok((delivery, context.inspect_err(log::missing_layer)?))
}
