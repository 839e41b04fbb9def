//! The requests to SQS, with their time limits.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Config;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::{TimeoutConfig, TimeoutConfigBuilder};

use super::check::name_of;
use super::message::md5_of;
use super::state::STATE;
use super::taken::Taken;
use super::{SqsError, SqsOptions};

/// The attributes of a queue.
pub(super) type Attributes = HashMap<QueueAttributeName, String>;

/// The most messages of one request.
pub(super) const MOST: usize = 10;
/// The longest delay of a message when it is sent. A standard queue waits out longer ones in several copies.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Clone)]
pub(super) struct Api {
    client: Client,
    limit: Duration,
}

/// A message to send.
pub(super) struct Outgoing<'a> {
    pub(super) body: &'a str,
    pub(super) attributes: HashMap<String, MessageAttributeValue>,
    pub(super) delay: Duration,
    /// The group and the deduplication id, in a FIFO queue.
    pub(super) fifo: Option<(String, String)>,
}

impl Outgoing<'_> {
    /// As SQS counts it.
    pub(super) fn size(&self) -> usize {
        let of_value = |value: &MessageAttributeValue| {
            value.data_type().len()
                + value.string_value().map_or(0, str::len)
                + value.binary_value().map_or(0, |bytes| bytes.as_ref().len())
        };
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + of_value(value));
        self.body.len() + attributes.sum::<usize>()
    }
}

impl Api {
    pub(super) fn new(options: &SqsOptions) -> Self {
        let limit = options.timeout;
        // Few tries: the put must end while the sender still waits for its response.
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(100));
        let config = options.config.to_builder().retry_config(retries);
        let config = config.timeout_config(within(limit, limit / 2).build()).build();
        Self { client: Client::from_conf(config), limit }
    }

    pub(super) async fn url_of(&self, name: &str) -> Result<String, SqsError> {
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        let answer = answer.map_err(|error| SqsError::of(&error, self.limit).about(name))?;
        answer.queue_url.ok_or_else(|| SqsError::NoQueue(name.to_owned()))
    }

    pub(super) async fn attributes_of(&self, url: &str) -> Result<Attributes, SqsError> {
        let request = self.client.get_queue_attributes().queue_url(url);
        let answer = request.attribute_names(QueueAttributeName::All).send().await;
        let answer = answer.map_err(|error| SqsError::of(&error, self.limit).about(url))?;
        Ok(answer.attributes.unwrap_or_default())
    }

    /// Creates a queue, or finds that there is one with these attributes. Returns its URL.
    pub(super) async fn create(&self, name: &str, with: Attributes) -> Result<String, SqsError> {
        let request = self.client.create_queue().queue_name(name).set_attributes(Some(with));
        let answer = request.send().await.map_err(|error| SqsError::of(&error, self.limit))?;
        answer.queue_url.ok_or_else(|| SqsError::NoQueue(name.to_owned()))
    }

    /// Returns when SQS has confirmed that it has stored the message.
    pub(super) async fn send(&self, url: &str, message: Outgoing<'_>) -> Result<(), SqsError> {
        self.send_within(url, message, self.limit, self.limit / 2).await
    }

    /// The same, for a sender who can wait: each try that is given up may be a copy more.
    pub(super) async fn send_patiently(
        &self,
        url: &str,
        message: Outgoing<'_>,
    ) -> Result<(), SqsError> {
        let limit = self.limit * 4;
        self.send_within(url, message, limit, limit).await
    }

    async fn send_within(
        &self,
        url: &str,
        message: Outgoing<'_>,
        limit: Duration,
        one_try: Duration,
    ) -> Result<(), SqsError> {
        let request = self.client.send_message().queue_url(url).message_body(message.body);
        let request = match message.fifo {
            Some((group, id)) => request.message_group_id(group).message_deduplication_id(id),
            None => request.delay_seconds(seconds(message.delay)),
        };
        let timeouts = Config::builder().timeout_config(within(limit, one_try).build());
        let request = request.set_message_attributes(Some(message.attributes)).customize();
        let answer = request.config_override(timeouts).send().await;
        let answer = answer.map_err(|error| SqsError::of(&error, limit).about(url))?;
        let stored = answer.md5_of_message_body.as_deref();
        if answer.message_id.is_none() || stored != Some(&*md5_of(message.body)) {
            return Err(SqsError::OtherText);
        }
        Ok(())
    }

    /// Up to `most` messages. Waits so long for the first one.
    pub(super) async fn receive(
        &self,
        url: &str,
        most: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Taken>, SqsError> {
        let limit = self.limit + wait;
        let request = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(most.min(MOST)).unwrap_or(1))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(visibility))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .customize()
            .config_override(Config::builder().timeout_config(within(limit, limit).build()));
        let answer =
            request.send().await.map_err(|error| SqsError::of(&error, limit).about(url))?;
        let messages = answer.messages.unwrap_or_default();
        // SQS demands the suffix for a FIFO queue, and refuses it for any other.
        let is_fifo = name_of(url).rsplit_once('.').is_some_and(|(_, end)| end == "fifo");
        Ok(messages.into_iter().map(|message| Taken::new(message, is_fifo, visibility)).collect())
    }

    pub(super) async fn delete(&self, url: &str, handle: &str) -> Result<(), SqsError> {
        let request = self.client.delete_message().queue_url(url).receipt_handle(handle);
        request.send().await.map_err(|error| SqsError::of(&error, self.limit).about(url))?;
        Ok(())
    }

    /// From now on the message is invisible for this time.
    pub(super) async fn hide(
        &self,
        url: &str,
        handle: &str,
        time: Duration,
    ) -> Result<(), SqsError> {
        let request = self.client.change_message_visibility().queue_url(url);
        let request = request.receipt_handle(handle).visibility_timeout(seconds(time));
        request.send().await.map_err(|error| SqsError::of(&error, self.limit).about(url))?;
        Ok(())
    }

    /// Makes messages visible again. SQS does so by itself when their timeout expires.
    pub(super) async fn give_back(&self, url: &str, handles: &[String]) -> Result<(), SqsError> {
        for handles in handles.chunks(MOST) {
            let entries = (0..).zip(handles).filter_map(|(number, handle): (u32, _)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
                let entry = entry.id(number.to_string()).receipt_handle(handle);
                entry.visibility_timeout(0).build().ok()
            });
            let request = self.client.change_message_visibility_batch().queue_url(url);
            let sent = request.set_entries(Some(entries.collect())).send().await;
            sent.map_err(|error| SqsError::of(&error, self.limit).about(url))?;
        }
        Ok(())
    }
}

/// The attribute with the state of an entry.
pub(super) fn state_attribute(state: &super::state::State) -> (String, MessageAttributeValue) {
    let value = MessageAttributeValue::builder().data_type("String");
    let value = value.string_value(state.to_string()).build();
    // It has a type.
    (STATE.to_owned(), value.expect("an attribute"))
}

fn within(limit: Duration, one_try: Duration) -> TimeoutConfigBuilder {
    let timeouts = TimeoutConfig::builder().operation_timeout(limit);
    // That of the user's configuration would end a request that waits for messages.
    timeouts.operation_attempt_timeout(one_try).disable_read_timeout()
}

/// Whole seconds, rounded up: a retry must not come too early.
pub(super) fn seconds(time: Duration) -> i32 {
    let partial = u64::from(time.subsec_nanos() > 0);
    i32::try_from(time.as_secs().saturating_add(partial)).unwrap_or(i32::MAX)
}
