use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use aws_smithy_http_client::Builder;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::sqs::SqsOptions;
use tokio::net::TcpStream;
use tokio::sync::Mutex as AsyncMutex;

use crate::support::eventually;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::tools::tools;

/// The server of moto, a Python package. Killed when dropped, and all messages are lost then: it has them
/// in memory alone. So outages are tested by stopping it, or in front of it, in a `Proxy`.
///
/// It is not SQS, so what a test shows here holds there only as far as their documentations agree. What it does
/// not do, no test shows: it replaces no characters, its deduplication forgets messages that are deleted, it
/// limits neither the messages in flight nor the time for which one is hidden, and it has no
/// `StartMessageMoveTask`.
pub struct Server {
    pub process: Process,
    pub port: u16,
}

impl Server {
    pub async fn start() -> Self {
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sqs/server.py");
        let mut command = Command::new(tools().join("bin/python"));
        command.arg(script).arg(port.to_string()).stdin(Stdio::piped());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = Process(process.expect("Python runs"));
        let server = Self { process, port };
        eventually("moto accepts connections", async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        server
    }

    /// A server for all tests that leave it alone.
    pub async fn shared() -> Arc<Self> {
        static SHARED: AsyncMutex<Weak<Server>> = AsyncMutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    /// Options for a queue that has been created.
    pub async fn options(&self, queue: &str) -> SqsOptions {
        let options = options(self.port, queue);
        options.create_queues().await.expect("queues");
        options
    }

    pub fn client(&self) -> Client {
        Client::from_conf(config(self.port))
    }

    pub async fn url(&self, queue: &str) -> String {
        let answer = self.client().get_queue_url().queue_name(queue).send().await;
        answer.expect("a queue").queue_url.expect("a URL")
    }

    /// Sends a text as another program would.
    pub async fn send(&self, queue: &str, text: &str) {
        let request = self.client().send_message().queue_url(self.url(queue).await);
        request.message_body(text).send().await.expect("a message");
    }

    /// Gives the message that is in the queue another state, as a worker would.
    pub async fn set_state(&self, queue: &str, state: &str) {
        let (client, url) = (self.client(), self.url(queue).await);
        let got = client.receive_message().queue_url(&url).wait_time_seconds(1).send().await;
        let got = got.expect("a server").messages.expect("a message").remove(0);
        let value = MessageAttributeValue::builder().data_type("String").string_value(state);
        let value = value.build().expect("an attribute");
        let request = client.send_message().queue_url(&url).set_message_body(got.body);
        request.message_attributes("webhook-state", value).send().await.expect("a message");
        let request = client.delete_message().queue_url(&url);
        request.set_receipt_handle(got.receipt_handle).send().await.expect("a server");
    }

    pub async fn set(&self, queue: &str, attribute: QueueAttributeName, value: &str) {
        let request = self.client().set_queue_attributes().queue_url(self.url(queue).await);
        request.attributes(attribute, value).send().await.expect("an attribute");
    }

    /// Sets after how many receptions a message becomes a dead letter.
    pub async fn set_receptions(&self, queue: &str, receptions: u32) {
        let arn = format!("arn:aws:sqs:eu-west-1:123456789012:{queue}-dead");
        let policy =
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{receptions}"}}"#);
        self.set(queue, QueueAttributeName::RedrivePolicy, &policy).await;
    }

    /// The number of messages in the queue: visible, delayed and in flight.
    pub async fn messages(&self, queue: &str) -> u32 {
        self.numbers(queue).await.iter().sum()
    }

    pub async fn delayed_and_held(&self, queue: &str) -> (u32, u32) {
        let [_, delayed, held] = self.numbers(queue).await;
        (delayed, held)
    }

    async fn numbers(&self, queue: &str) -> [u32; 3] {
        let request = self.client().get_queue_attributes().queue_url(self.url(queue).await);
        let answer = request.attribute_names(QueueAttributeName::All).send().await;
        let attributes = answer.expect("a queue").attributes.expect("attributes");
        [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ]
        .map(|name| attributes[&name].parse().expect("a number"))
    }
}

/// A client's configuration, as a user has one of `aws-config`.
pub fn config(port: u16) -> Config {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(Credentials::new("test", "hidden", None, None, "test"))
        .http_client(Builder::new().build_http())
        .build()
}

/// Quick: SQS has nothing shorter than a second.
pub fn options(port: u16, queue: &str) -> SqsOptions {
    let retry = RetryPolicy::new().first(Duration::from_secs(1)).attempts(2);
    let options = SqsOptions::new(config(port), queue).expect("a name");
    options.retry(retry).visibility(Duration::from_secs(3))
}
