//! What is checked of the topics at connect, and their creation.

use std::collections::HashMap;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::apart::EndsApart;
use super::client::millis;
use super::error::one_line;
use super::topics::Topic;
use super::{KafkaError, KafkaOptions};

type Admin = AdminClient<DefaultClientContext>;
type Settings = HashMap<String, String>;

/// The largest batch, as far as it is not checked: Kafka's default.
const DEFAULT_LARGEST: usize = 1_048_588;
/// Kafka's default of `retention.ms` and of `segment.ms`.
const WEEK_MS: &str = "604800000";

impl KafkaOptions {
    /// Creates the topics that do not exist, and checks the others. Returns the size of the largest batch
    /// that all of them take.
    pub(super) async fn check(&self) -> Result<usize, KafkaError> {
        let replicas = replicas(self).await?;
        if !self.is_checked {
            return Ok(DEFAULT_LARGEST);
        }
        // Its end waits for its thread. Here it would hold up a thread of the runtime.
        let admin = EndsApart::new(self.admin().create::<Admin>().map_err(client_error)?);
        let topics = self.topics();
        for topic in topics.iter().filter(|topic| !replicas.contains_key(&topic.name)) {
            create(&admin, topic, self).await?;
        }
        let mut largest = usize::MAX;
        for (topic, settings) in topics.iter().zip(settings(&admin, &topics, self).await?) {
            // Unknown for a topic that was created now, as it should be.
            let replicas = replicas.get(&topic.name).copied();
            topic.check(replicas, &settings, self)?;
            largest = largest.min(largest_of(&settings));
        }
        Ok(largest)
    }
}

/// The least number of replicas of each topic's partitions.
async fn replicas(options: &KafkaOptions) -> Result<HashMap<String, usize>, KafkaError> {
    // The client has no call that does not block.
    let (config, timeout) = (options.admin(), options.timeout);
    let fetch = move || -> Result<HashMap<String, usize>, KafkaError> {
        let admin: Admin = config.create().map_err(client_error)?;
        let metadata = admin.inner().fetch_metadata(None, timeout);
        let metadata = metadata.map_err(|e| KafkaError::Unreachable(one_line(&e.to_string())))?;
        let least = |topic: &rdkafka::metadata::MetadataTopic| {
            topic.partitions().iter().map(|one| one.replicas().len()).min()
        };
        let topics = metadata.topics().iter();
        Ok(topics.filter_map(|topic| Some((topic.name().to_owned(), least(topic)?))).collect())
    };
    tokio::task::spawn_blocking(fetch)
        .await
        .unwrap_or_else(|_| Err(KafkaError::Unreachable("the client has failed".to_owned())))
}

async fn create(admin: &Admin, topic: &Topic, options: &KafkaOptions) -> Result<(), KafkaError> {
    let configuration = topic.configuration(options);
    let settings = configuration.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    // Otherwise it would be refused as soon as it is there.
    topic.check(None, &settings.collect(), options)?;
    let replication = TopicReplication::Fixed(options.replicas());
    let mut new = NewTopic::new(&topic.name, topic.partitions(options), replication);
    for (name, value) in &configuration {
        new = new.set(name, value);
    }
    let created = admin.create_topics([&new], &limits(options)).await;
    let refused = |detail: String| KafkaError::NotCreated {
        topic: topic.name.clone(),
        detail,
        advice: advice(&configuration, options),
    };
    match created.map_err(|e| refused(one_line(&e.to_string())))?.into_iter().next() {
        // Another process was faster.
        Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(refused(one_line(&code.to_string()))),
        None => Err(refused("no answer".to_owned())),
    }
}

fn advice(configuration: &[(&'static str, String)], options: &KafkaOptions) -> String {
    let all: Vec<_> = configuration.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let replicas = options.replicas();
    format!("create it with {replicas} replicas and {}", all.join(" "))
}

/// The settings of the topics, in their order.
async fn settings(
    admin: &Admin,
    topics: &[Topic],
    options: &KafkaOptions,
) -> Result<Vec<Settings>, KafkaError> {
    let specifiers: Vec<_> =
        topics.iter().map(|topic| ResourceSpecifier::Topic(&topic.name)).collect();
    let described = admin.describe_configs(&specifiers, &limits(options)).await;
    let described = described.map_err(KafkaError::from)?;
    let mut all = Vec::new();
    for (topic, described) in topics.iter().zip(described) {
        let entries = described
            .map_err(|code| {
                KafkaError::Broker(format!(
                    "the topic `{}` cannot be described ({code}): allow the user to describe it and its \
                    configuration",
                    topic.name
                ))
            })?
            .entries;
        let known = entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
        all.push(known.collect());
    }
    Ok(all)
}

fn limits(options: &KafkaOptions) -> AdminOptions {
    // Topics take longer than one record.
    let limit = Some(options.timeout * 4);
    AdminOptions::new().request_timeout(limit).operation_timeout(limit)
}

fn largest_of(settings: &Settings) -> usize {
    let known = settings.get("max.message.bytes").and_then(|value| value.parse().ok());
    known.unwrap_or(DEFAULT_LARGEST)
}

impl Topic {
    /// A setting that the broker does not report has Kafka's default.
    fn check(
        &self,
        replicas: Option<usize>,
        settings: &Settings,
        options: &KafkaOptions,
    ) -> Result<(), KafkaError> {
        let refused = |found: String, wanted: String| {
            Err(KafkaError::Topic { topic: self.name.clone(), found, wanted })
        };
        let value = |name: &str, default: &'static str| {
            settings.get(name).map_or(default, String::as_str).to_owned()
        };
        if let Some(replicas) = replicas.filter(|replicas| *replicas < 2 && options.is_replicated) {
            return refused(format!("{replicas} replica"), "at least 2, better 3".to_owned());
        }
        let demand =
            |name: &str, default: &'static str, is_safe: &dyn Fn(&str) -> bool, wanted: &str| {
                let found = value(name, default);
                if is_safe(&found) {
                    Ok(())
                } else {
                    refused(format!("{name}={found}"), format!("{name}={wanted}"))
                }
            };
        let number = |text: &str| text.parse::<i64>().ok();
        let in_sync = |found: &str| !options.is_replicated || number(found) >= Some(2);
        demand("min.insync.replicas", "1", &in_sync, "2")?;
        demand("unclean.leader.election.enable", "false", &|found| found == "false", "false")?;
        // Otherwise the entries of a client whose clock is late would be deleted early.
        let stamped = |found: &str| found == "LogAppendTime";
        demand("message.timestamp.type", "CreateTime", &stamped, "LogAppendTime")?;
        // The client is built without gzip and zstd, so no worker could read what the broker makes of a record.
        let readable = |found: &str| ["producer", "uncompressed", "lz4", "snappy"].contains(&found);
        demand("compression.type", "producer", &readable, "producer")?;
        if self.is_dead {
            let compacts = |found: &str| found.contains("compact");
            demand("cleanup.policy", "delete", &compacts, "compact,delete")?;
            // Without `delete`, no dead letter expires.
            if value("cleanup.policy", "delete") == "compact" {
                return Ok(());
            }
        } else {
            // A compacted topic deletes the older of two entries with one key.
            demand("cleanup.policy", "delete", &|found| found == "delete", "delete")?;
        }
        demand("retention.bytes", "-1", &|found| found == "-1", "-1")?;
        let least = i64::try_from(millis(self.kept_for)).unwrap_or(i64::MAX);
        let long = |found: &str| number(found).is_some_and(|ms| ms < 0 || ms >= least);
        demand("retention.ms", WEEK_MS, &long, &least.to_string())?;
        if self.is_dead { Ok(()) } else { self.is_remembered(settings, options) }
    }

    /// Whether `Once` still remembers each entry that the topic has. A group that has lost its offsets begins
    /// with the oldest.
    fn is_remembered(&self, settings: &Settings, options: &KafkaOptions) -> Result<(), KafkaError> {
        let value = |name: &str| settings.get(name).map_or(WEEK_MS, String::as_str);
        let (retention, segment) = (value("retention.ms"), value("segment.ms"));
        // A segment is deleted when its last entry is old enough.
        let most =
            millis(options.once_remembers).saturating_sub(segment.parse().unwrap_or(u64::MAX));
        // A negative number has no end.
        if retention.parse::<u64>().is_ok_and(|retention| retention <= most) {
            return Ok(());
        }
        let found = format!("retention.ms={retention} and segment.ms={segment}");
        Err(KafkaError::KeptTooLong { topic: self.name.clone(), found, most })
    }
}

pub(super) fn client_error(error: rdkafka::error::KafkaError) -> KafkaError {
    match error {
        // Without the value, which may be a password.
        rdkafka::error::KafkaError::ClientConfig(_, _, name, _) => {
            KafkaError::Client(format!("`{}` is not valid", one_line(&name)))
        }
        other => KafkaError::Client(one_line(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn found(replicas: usize, change: (&str, &str)) -> Result<(), String> {
        found_of(0, replicas, &[change])
    }

    fn found_of(topic: usize, replicas: usize, changes: &[(&str, &str)]) -> Result<(), String> {
        let options = KafkaOptions::new("", "tickets").expect("a name");
        let topic = &options.topics()[topic];
        let mut settings: Settings = topic
            .configuration(&options)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        settings
            .extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        topic.check(Some(replicas), &settings, &options).map_err(|error| error.to_string())
    }

    #[test]
    fn every_setting_that_loses_entries_is_refused() {
        assert_eq!(found(3, ("a", "b")), Ok(()));
        assert_eq!(found(2, ("compression.type", "lz4")), Ok(()));
        let one = found(1, ("a", "b")).expect_err("one replica");
        assert!(one.contains("it has 1 replica; set at least 2"), "{one}");
        for (name, value) in [
            ("min.insync.replicas", "1"),
            ("unclean.leader.election.enable", "true"),
            ("retention.bytes", "1000000"),
            ("retention.ms", "604800000"),
            ("cleanup.policy", "compact"),
            ("cleanup.policy", "compact,delete"),
            ("message.timestamp.type", "CreateTime"),
            ("compression.type", "gzip"),
            ("compression.type", "zstd"),
        ] {
            let text = found(3, (name, value)).expect_err(name);
            assert!(text.contains(&format!("it has {name}={value}; set {name}=")), "{text}");
        }
    }

    #[test]
    fn a_topic_keeps_no_entry_for_longer_than_once_remembers_it() {
        let days = |days: u64| (days * 86_400_000).to_string();
        assert_eq!(found(3, ("retention.ms", &days(30))), Ok(()), "and one day of the segment");
        for (topic, change, found) in [
            (0, ("retention.ms", days(31)), "retention.ms=2678400000 and segment.ms=86400000"),
            (0, ("segment.ms", days(18)), "retention.ms=1209600000 and segment.ms=1555200000"),
            (0, ("retention.ms", "-1".to_owned()), "retention.ms=-1 and segment.ms=86400000"),
            (2, ("retention.ms", "-1".to_owned()), "retention.ms=-1 and segment.ms=86400000"),
        ] {
            let text = found_of(topic, 3, &[(change.0, &change.1)]).expect_err(found);
            assert!(text.contains(&format!("it has {found}, and a group")), "{text}");
        }
        assert_eq!(found_of(1, 3, &[("retention.ms", "-1")]), Ok(()), "the group does not read it");

        let options = KafkaOptions::new("", "tickets").expect("a name");
        let options = options.kept_for(Duration::from_secs(86_400 * 60));
        let of = |options: &KafkaOptions| {
            let topic = &options.topics()[0];
            let all = topic.configuration(options).into_iter();
            let all = all.map(|(name, value)| (name.to_owned(), value)).collect();
            topic.check(None, &all, options).map_err(|error| error.to_string())
        };
        let text = of(&options).expect_err("longer than 31 days");
        assert!(text.contains("set retention.ms to 2592000000 at most"), "{text}");
        assert_eq!(of(&options.once_remembers(Duration::from_secs(86_400 * 61))), Ok(()));
    }

    #[test]
    fn dead_letters_that_are_only_compacted_never_expire() {
        let found = |changes: &[_]| found_of(1, 3, changes);
        assert_eq!(found(&[]), Ok(()));
        let short = ("retention.ms", "1");
        assert!(found(&[short]).is_err());
        assert_eq!(found(&[short, ("cleanup.policy", "compact")]), Ok(()));
        assert!(found(&[("cleanup.policy", "delete")]).is_err());
        assert!(found(&[("message.timestamp.type", "CreateTime")]).is_err());
    }
}
