//! The configuration of the queues: which would lose entries.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::api::{Api, Attributes};
use super::{SqsError, SqsOptions};

/// What the other parts have to know of the queues.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) url: String,
    pub(super) dead_url: String,
    pub(super) is_fifo: bool,
    /// The largest message in bytes, and the largest dead letter.
    pub(super) largest: usize,
    pub(super) dead_largest: usize,
    /// The largest that a receiver puts: the worker adds to it.
    pub(super) limit: usize,
    /// The number of receptions after which SQS makes a dead letter of a message.
    pub(super) receptions: u32,
}

/// A worker also loses its hold of entries when it is restarted, and each time counts.
const LEAST_RECEPTIONS: u32 = 10;
/// For the state in a message that the worker sends.
const RESERVED: usize = 512;

impl Queues {
    /// Finds the queues, and what in their configuration would lose entries.
    pub(super) async fn find(
        api: &Api,
        options: &SqsOptions,
    ) -> Result<(Self, Option<SqsError>), SqsError> {
        let url = if options.queue.contains("://") {
            options.queue.clone()
        } else {
            api.url_of(&options.queue).await?
        };
        let queue = Described { attributes: api.attributes_of(&url).await?, name: name_of(&url) };
        let (dead_arn, receptions) = queue.redrive()?;
        // Both are in the same account and the same region.
        let name = dead_arn.rsplit(':').next().unwrap_or_default();
        let dead_url = format!("{}/{name}", url.rsplit_once('/').map_or("", |(base, _)| base));
        let attributes = api.attributes_of(&dead_url).await?;
        let dead = Described { attributes, name: name_of(&dead_url) };
        let refusal = queue.is_safe_with(&dead, receptions, options.least_retention).err();
        let is_fifo = queue.get(&Name::FifoQueue) == Some("true");
        let (largest, dead_largest) = (queue.limit(), dead.limit());
        let limit = largest.saturating_sub(RESERVED);
        Ok((Self { url, dead_url, is_fifo, largest, dead_largest, limit, receptions }, refusal))
    }
}

struct Described {
    name: String,
    attributes: Attributes,
}

impl Described {
    fn get(&self, name: &Name) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, name: &Name) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    fn limit(&self) -> usize {
        self.number(&Name::MaximumMessageSize).unwrap_or(262_144)
    }

    fn refused(&self, advice: impl Into<String>) -> SqsError {
        SqsError::LosesEntries { queue: self.name.clone(), advice: advice.into() }
    }

    fn is_safe_with(&self, dead: &Self, receptions: u32, least: Duration) -> Result<(), SqsError> {
        self.is_received_often(receptions)?;
        for queue in [self, dead] {
            queue.keeps_messages(least)?;
        }
        dead.keeps_as_long_as(self)?;
        dead.is_the_last()?;
        dead.takes_at_least(self.limit())
    }

    /// The ARN of the dead-letter queue, and the number of receptions.
    fn redrive(&self) -> Result<(String, u32), SqsError> {
        let policy = self.get(&Name::RedrivePolicy).unwrap_or_default();
        let Some(arn) = json_value(policy, "deadLetterTargetArn") else {
            return Err(self.refused(
                "it has no dead-letter queue, so an entry that kills its workers would go round until it \
                expires; set its `RedrivePolicy`",
            ));
        };
        let count = json_value(policy, "maxReceiveCount").and_then(|count| count.parse().ok());
        Ok((arn, count.unwrap_or(1)))
    }

    fn is_received_often(&self, receptions: u32) -> Result<(), SqsError> {
        if receptions >= LEAST_RECEPTIONS {
            return Ok(());
        }
        Err(self.refused(format!(
            "the `maxReceiveCount` of its `RedrivePolicy` must be at least {LEAST_RECEPTIONS}, because \
            each restart of a worker counts; 50 is a good number"
        )))
    }

    fn keeps_messages(&self, least: Duration) -> Result<(), SqsError> {
        let kept = self.number(&Name::MessageRetentionPeriod).unwrap_or_default();
        if Duration::from_secs(kept) >= least {
            return Ok(());
        }
        Err(self.refused(format!(
            "SQS deletes its messages after {kept} s, handled or not; set its `MessageRetentionPeriod` to {}",
            least.as_secs()
        )))
    }

    /// SQS counts the age of a message that it moves itself from the time when it was put: it would be deleted
    /// as it becomes a dead letter.
    fn keeps_as_long_as(&self, source: &Self) -> Result<(), SqsError> {
        let kept = |queue: &Self| queue.number::<u64>(&Name::MessageRetentionPeriod);
        let least = kept(source).unwrap_or_default();
        if kept(self).unwrap_or_default() >= least {
            return Ok(());
        }
        Err(self.refused(format!(
            "it is a dead-letter queue and keeps messages for less time than its source; set its \
            `MessageRetentionPeriod` to {least}"
        )))
    }

    /// Dead letters are received each time that they are listed, and would be moved on.
    fn is_the_last(&self) -> Result<(), SqsError> {
        if self.get(&Name::RedrivePolicy).is_none_or(|policy| policy == "{}") {
            return Ok(());
        }
        Err(self.refused(
            "it is a dead-letter queue and has one itself, into which listing would move its messages; \
            remove its `RedrivePolicy`",
        ))
    }

    fn takes_at_least(&self, limit: usize) -> Result<(), SqsError> {
        if self.limit() >= limit {
            return Ok(());
        }
        Err(self.refused(format!(
            "it is a dead-letter queue and takes smaller messages than its source; set its \
            `MaximumMessageSize` to {limit}"
        )))
    }
}

pub(super) fn name_of(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The value of a field in the flat object of a redrive policy. The number may be written as a string.
fn json_value(json: &str, field: &str) -> Option<String> {
    let (_, after) = json.split_once(&format!("\"{field}\""))?;
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let value = match value.strip_prefix('"') {
        Some(text) => text.split('"').next(),
        None => value.split([',', '}']).next(),
    };
    value.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_is_read_in_each_form() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:tickets-dead";
        for policy in [
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":50}}"#),
            format!(r#"{{ "maxReceiveCount" : "50" , "deadLetterTargetArn" : "{arn}" }}"#),
        ] {
            assert_eq!(json_value(&policy, "deadLetterTargetArn").as_deref(), Some(arn));
            assert_eq!(json_value(&policy, "maxReceiveCount").as_deref(), Some("50"));
        }
        assert_eq!(json_value("{}", "maxReceiveCount"), None);
        assert_eq!(json_value("", "maxReceiveCount"), None);
    }
}
