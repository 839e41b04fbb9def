//! The examples, as a user runs them.

use crate::servers::Server;
use crate::support::example::receiver_and_worker;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_and_the_worker() {
    // The examples refuse the settings of the other tests' servers.
    let server = Server::with(&["fsync=on", "full_page_writes=on"]).await;
    receiver_and_worker("postgres", &[("DATABASE_URL", &server.url())]).await;
}
