use std::fmt;
use std::time::Duration;

use async_nats::ServerAddr;

use super::NatsError;
use super::login::Login;
use crate::RetryPolicy;

/// The servers, the queue and its settings. Receivers, workers and tools must have the same: they refuse a
/// stream that is configured otherwise.
///
/// ```
/// use nevent_webhooks_queues::nats::NatsOptions;
///
/// # fn main() -> Result<(), nevent_webhooks_queues::nats::NatsError> {
/// let options = NatsOptions::new("nats://app:secret@127.0.0.1:4222", "tickets")?;
/// let cluster = NatsOptions::new("nats://one:4222,nats://two:4222,nats://three:4222", "tickets")?.replicas(3);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct NatsOptions {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) login: Login,
    pub(super) name: String,
    pub(super) retry: RetryPolicy,
    pub(super) concurrency: u16,
    pub(super) ack_wait: Duration,
    pub(super) delivery_limit: u32,
    pub(super) dead_letters_for: Duration,
    pub(super) replicas: usize,
    pub(super) timeout: Duration,
}

impl NatsOptions {
    /// Creates the default options for these servers, and this name of a queue.
    ///
    /// The URLs of several servers of a cluster have commas between them. Name all that may be used: those that a
    /// server announces are not. A URL may have a user and a password, or a token in the place of the user, both
    /// percent-encoded. They are for all of the servers.
    ///
    /// # Errors
    ///
    /// [`NatsError::Url`], [`NatsError::Name`]; [`NatsError::SomeTls`] if not all of the URLs are `tls://`, or
    /// none; [`NatsError::NoTls`] for `tls://` without the feature `nats-tls`.
    pub fn new(urls: &str, queue: &str) -> Result<Self, NatsError> {
        let servers = urls.split(',').map(|url| server(url.trim()));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        check_tls(&servers)?;
        let login = Login::of(&servers)?;
        let servers = servers.into_iter().map(without_user).collect::<Result<Vec<_>, _>>()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if queue.is_empty() || queue.len() > 200 || !queue.chars().all(is_plain) {
            return Err(NatsError::Name);
        }
        Ok(Self {
            login,
            servers,
            name: queue.to_owned(),
            retry: RetryPolicy::new(),
            concurrency: 16,
            ack_wait: Duration::from_secs(30),
            delivery_limit: 50,
            dead_letters_for: Duration::from_secs(30 * 24 * 60 * 60),
            replicas: 1,
            timeout: Duration::from_secs(4),
        })
    }

    /// Sets when a worker tries an entry again. See [`RetryPolicy`] for the default. No delay is longer than
    /// 7 days.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many entries a worker handles at a time. 16 by default, at least 1.
    pub fn concurrency(mut self, entries: u16) -> Self {
        self.concurrency = entries.max(1);
        self
    }

    /// Sets after which time the server delivers the entries of a worker again that has vanished. 30 s by
    /// default, at least 1 s.
    ///
    /// A worker that runs tells the server three times within this time that it still has the entry. So
    /// handlers may take longer. A consumer with a shorter time is refused: to raise it, edit the consumer first.
    pub fn ack_wait(mut self, time: Duration) -> Self {
        self.ack_wait = time.max(Duration::from_secs(1));
        self
    }

    /// Sets how often an entry is delivered again after its worker has vanished. Then the entry is a dead
    /// letter. 50 by default. Do not set it below 10: entries that shared a worker with one that kills it need
    /// some deliveries until they have their turn before it.
    ///
    /// It ends the loop of an entry that kills its worker. A restart of the worker or of the server counts
    /// for all entries that were in flight.
    pub fn delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }

    /// Sets how long dead letters are kept. 30 days by default. **Then they are lost.** Zero keeps them until
    /// they are replayed or deleted. A stream with a shorter time is refused: to raise it, edit the stream first.
    pub fn dead_letters_for(mut self, time: Duration) -> Self {
        self.dead_letters_for = time;
        self
    }

    /// Sets on how many servers of a cluster each entry is. 1 by default; 3 survives the loss of one server, if
    /// [every server syncs each entry](super#a-power-failure) and is NATS 2.10.23 or later. A stream that has fewer
    /// is refused.
    pub fn replicas(mut self, servers: u8) -> Self {
        self.replicas = servers.max(1).into();
        self
    }

    /// Sets how long to wait for a connection, and for the confirmation of a message. 4 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

fn server(url: &str) -> Result<ServerAddr, NatsError> {
    let server: ServerAddr = url.parse().map_err(|_| NatsError::Url)?;
    // The scheme `ws`, for example, needs another build of the client.
    if !["nats", "tls"].contains(&server.scheme()) || server.host().is_empty() {
        return Err(NatsError::Url);
    }
    Ok(server)
}

/// The client writes the URLs into its log.
fn without_user(server: ServerAddr) -> Result<ServerAddr, NatsError> {
    let mut url = server.into_inner();
    url.set_username("").map_err(|()| NatsError::Url)?;
    url.set_password(None).map_err(|()| NatsError::Url)?;
    ServerAddr::from_url(url).map_err(|_| NatsError::Url)
}

fn check_tls(servers: &[ServerAddr]) -> Result<(), NatsError> {
    let asking = servers.iter().filter(|server| server.tls_required()).count();
    if asking == 0 {
        Ok(())
    } else if asking < servers.len() {
        Err(NatsError::SomeTls)
    } else if cfg!(not(feature = "nats-tls")) {
        Err(NatsError::NoTls)
    } else {
        Ok(())
    }
}

/// Without the login, which has the password.
impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.servers.iter().map(ServerAddr::host).collect();
        f.debug_struct("NatsOptions")
            .field("hosts", &hosts)
            .field("queue", &self.name)
            .field("retry", &self.retry)
            .field("concurrency", &self.concurrency)
            .field("ack_wait", &self.ack_wait)
            .field("delivery_limit", &self.delivery_limit)
            .field("dead_letters_for", &self.dead_letters_for)
            .field("replicas", &self.replicas)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_given_no_url_with_a_password() {
        for user in ["app:hidden@", "hidden@", ":hidden@", ""] {
            let options = NatsOptions::new(&format!("nats://{user}host:4223"), "tickets");
            let text = format!("{:?}", options.expect("a URL").servers);
            assert!(text.contains("host") && !text.contains("hidden"), "{text}");
        }
    }
}
