//! A second server that follows the first, to take its place.

use std::time::Instant;

use tokio::time::{Duration, sleep};

use super::{Directory, PATIENCE, Server, free_port, is_ready, program, run, spawn};

impl Server {
    /// A standby of this server, once it follows it.
    pub async fn standby(&self) -> Self {
        let directory = Directory::new();
        let mut copy = program("pg_basebackup");
        copy.arg("-D")
            .arg(directory.path().join("data"))
            .args(["-R", "-X", "stream", "-c", "fast"]);
        run(copy.args(["-d", &self.url()]));
        let port = free_port();
        let mut process = spawn(&directory, port, &[], false);
        assert!(is_ready(&mut process, port).await, "{}", super::log(&directory));
        let standby = Self { process, directory, port, settings: Vec::new(), small_disk: false };
        self.is_followed().await;
        standby
    }

    /// Answers commits from now on only when the standby has them.
    pub async fn wait_for_the_standby(&self) {
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.execute("SELECT pg_reload_conf()").await;
        let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.shows(synchronous, 1).await;
    }

    /// Lets the standby have all that was written so far, and nothing more.
    pub async fn leave_behind(&self, standby: &Self) {
        let behind =
            "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()";
        self.shows(behind, 1).await;
        standby.execute("ALTER SYSTEM SET primary_conninfo = ''").await;
        standby.execute("SELECT pg_reload_conf()").await;
        self.shows("SELECT count(*) FROM pg_stat_replication", 0).await;
    }

    /// Makes a standby a server that can be written to.
    pub async fn promote(&self) {
        self.execute("SELECT pg_promote()").await;
        self.execute("ALTER SYSTEM SET synchronous_standby_names = ''").await;
        self.execute("SELECT pg_reload_conf()").await;
    }

    async fn is_followed(&self) {
        self.shows("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", 1).await;
    }

    async fn shows(&self, query: &str, number: i64) {
        let (client, begun) = (self.client().await, Instant::now());
        while client.query_one(query, &[]).await.expect("statistics").get::<_, i64>(0) != number {
            assert!(begun.elapsed() < PATIENCE, "never so: {query}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
