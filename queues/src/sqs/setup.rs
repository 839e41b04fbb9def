use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::api::{Api, Attributes};
use super::check::name_of;
use super::options::LONGEST_RETENTION;
use super::{SqsError, SqsOptions};

/// A worker that kills itself with an entry is restarted so often.
const RECEPTIONS: u32 = 50;

impl SqsOptions {
    /// Creates the queue and its dead-letter queue, which is named after it: `tickets-dead`, or
    /// `tickets-dead.fifo`. Queues that exist with the same attributes stay as they are.
    ///
    /// Both keep messages for 14 days, and the `maxReceiveCount` is 50. Call it from a tool: receivers and
    /// workers need no right to create queues.
    ///
    /// # Errors
    ///
    /// [`SqsError`], for example if a queue exists with other attributes.
    ///
    /// # Panics
    ///
    /// For a client's configuration without a behavior version.
    pub async fn create_queues(&self) -> Result<(), SqsError> {
        let api = Api::new(self);
        let name = name_of(&self.queue);
        let (plain, suffix) =
            name.strip_suffix(".fifo").map_or((&*name, ""), |plain| (plain, ".fifo"));
        let dead = format!("{plain}-dead{suffix}");
        let is_fifo = !suffix.is_empty();
        let url = api.create(&dead, attributes(is_fifo)).await?;
        let arn = api.attributes_of(&url).await?.remove(&Name::QueueArn).unwrap_or_default();
        let mut with = attributes(is_fifo);
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{RECEPTIONS}}}"#);
        with.insert(Name::RedrivePolicy, policy);
        api.create(&name, with).await.map(drop)
    }
}

fn attributes(is_fifo: bool) -> Attributes {
    let retention = (Name::MessageRetentionPeriod, LONGEST_RETENTION.as_secs().to_string());
    // SQS refuses the attribute with any other value.
    let fifo = is_fifo.then(|| (Name::FifoQueue, "true".to_owned()));
    [retention].into_iter().chain(fifo).collect()
}
