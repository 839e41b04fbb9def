//! Entries that the server would keep and never deliver.
//!
//! After a `kill -9`, a server can remember that an entry was acknowledged, and not that it was deleted. NATS
//! 2.9 keeps such entries for ever, with the personal data in them. Whether they are done is for `Once` to say:
//! so they are put again.

use std::time::Duration;

use async_nats::jetstream::consumer::Info;

use super::link::Link;
use super::message::{ATTEMPTS, VANISHED, again, count, name};
use super::messages::Messages;
use super::{NatsError, NatsOptions};
use crate::incident::Observer;

/// Puts again what is in the stream although the consumer takes it for acknowledged. One that is being deleted
/// at this moment is put again, too, and `Once` recognises it.
///
/// An entry that waits hides those behind it until it is acknowledged. One that no longer fits is left where it
/// is.
pub(super) async fn sweep(
    link: &Link,
    options: &NatsOptions,
    consumer: &Info,
    observer: &Observer,
) -> Result<(), NatsError> {
    let stream = link.context.get_stream(&options.name).await;
    let stream = stream.map_err(|error| NatsError::server(&error))?;
    let mut messages = Messages::up_to(consumer.ack_floor.stream_sequence, stream);
    while let Some(message) = messages.next().await? {
        let counts = [ATTEMPTS, VANISHED].map(|name| count(&message.headers, name));
        let mut headers = again(&message.headers, counts[0], counts[1], Duration::ZERO);
        name(&mut headers, "again", message.sequence, message.time.unix_timestamp_nanos());
        match link.publish(&options.name, headers, message.payload.clone()).await {
            Ok(()) => messages.delete(&message).await?,
            Err(error @ NatsError::TooLarge { .. }) => observer.failed(&error),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
