//! Which cryptography TLS uses, and that the store installs none for the whole program.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};

use crate::support::{Server, eventually};
use crate::tls::{path, works};
use nevent_webhooks::store::RedisStore;

/// Names the test that this process is to run by itself.
const ALONE: &str = "NEVENT_TEST_ALONE";

/// Runs a test in a process of its own, because other tests in this one install providers.
fn alone(test: &str, body: impl Future<Output = ()>) {
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(body);
    }
    let program = std::env::current_exe().expect("these tests");
    let name = format!("tls_provider::{test}");
    let mut process = Command::new(program);
    let output = process.args([&name, "--exact"]).env(ALONE, test).output().expect("a process");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[test]
fn no_provider_is_installed_for_servers_and_sentinels() {
    alone("no_provider_is_installed_for_servers_and_sentinels", async {
        let server = Server::with_tls(&[]).await;
        works(&format!("{}?ca_file={}", server.url(), path("authority.pem"))).await;
        let watch = format!("sentinel monitor mymaster 127.0.0.1 {} 1\n", server.port());
        let sentinel = Server::sentinel_with_tls(&watch).await;
        let url = format!("rediss-sentinel://{}?master=mymaster", sentinel.address());
        let url = format!("{url}&ca_file={}", path("authority.pem"));
        eventually("the sentinel has found the master", async || {
            RedisStore::connect(&url).await.is_ok()
        })
        .await;
        works(&url).await;
        assert!(CryptoProvider::get_default().is_none());
    });
}

#[derive(Debug)]
struct Counting(&'static dyn SecureRandom);

static USES: AtomicUsize = AtomicUsize::new(0);

impl SecureRandom for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        USES.fetch_add(1, Ordering::Relaxed);
        self.0.fill(bytes)
    }
}

#[test]
fn an_installed_provider_is_used_for_servers_and_clusters() {
    alone("an_installed_provider_is_used_for_servers_and_clusters", async {
        let ring = ring::default_provider();
        let random: &'static Counting = Box::leak(Box::new(Counting(ring.secure_random)));
        let own = CryptoProvider { secure_random: random, ..ring };
        own.install_default().expect("none is installed");
        let installed = Arc::clone(CryptoProvider::get_default().expect("installed"));

        let server = Server::with_tls(&[]).await;
        works(&format!("{}?ca_file={}", server.url(), path("authority.pem"))).await;
        assert!(USES.swap(0, Ordering::Relaxed) > 0, "by the server's connections");

        let node = Server::with_tls(&["--cluster-enabled", "yes", "--tls-cluster", "yes"]).await;
        node.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
        let url = format!("rediss-cluster://{}?ca_file={}", node.address(), path("authority.pem"));
        eventually("the cluster is up", async || RedisStore::connect(&url).await.is_ok()).await;
        assert!(USES.load(Ordering::Relaxed) > 0, "by the Cluster's connections");
        let now = CryptoProvider::get_default().expect("installed");
        assert!(Arc::ptr_eq(&installed, now), "another was installed");
    });
}
