//! The cluster of librdkafka's own tests, in this process. It keeps the metadata of a commit, which Tansu
//! does not.

use std::sync::Arc;

use nevent_webhooks_queues::kafka::KafkaOptions;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::broker::options;

pub type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A cluster with these topics, which have one partition each.
pub fn cluster(topics: &[&str]) -> Arc<Cluster> {
    let cluster = MockCluster::new(1).expect("a cluster");
    for topic in topics {
        cluster.create_topic(topic, 1, 1).expect("a topic");
    }
    Arc::new(cluster)
}

/// It cannot describe its topics.
pub fn unchecked(address: &str, topic: &str) -> KafkaOptions {
    options(address, topic).dangerously_unchecked()
}
