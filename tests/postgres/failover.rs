//! A standby takes the place of a server that is gone.

use std::time::Instant;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, PostgresStore};

use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::{Effects, PATIENCE, Scene, Server, claim, deliver_until_done};

rows!(
    a_failover_to_a_synchronous_standby_forgets_nothing,
    a_failover_to_an_asynchronous_standby_doubles_nothing,
);

/// A server, its standby, and receivers that know both.
struct Pair {
    receiver: Receiver,
    scene: Scene,
    standby: Server,
}

impl Pair {
    async fn new(adapter: Adapter, synchronous: bool) -> Self {
        let mut scene = Scene::new().await;
        let standby = scene.server.standby().await;
        if synchronous {
            scene.server.wait_for_the_standby().await;
        }
        let url = format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write\
             &sslmode=disable",
            scene.server.address().port(),
            standby.address().port(),
        );
        scene.store = PostgresStore::connect(&url).await.expect("a pair");
        scene.effects = Effects::at(&url).await;
        let receiver = scene.selling(adapter).start().await;
        Self { receiver, scene, standby }
    }

    /// The server is gone, and its standby takes over.
    async fn fail_over(&mut self) {
        self.scene.server.crash();
        self.receiver
            .deliver(&Post::new("meanwhile").body("meanwhile"))
            .await
            .is(503, "Try again later");
        self.standby.promote().await;
    }
}

fn post(number: u32) -> Post {
    Post::new(&format!("d{number}")).body(format!("{number}"))
}

async fn a_failover_to_a_synchronous_standby_forgets_nothing(adapter: Adapter) {
    let mut pair = Pair::new(adapter, true).await;
    for number in 0..10 {
        pair.receiver.deliver(&post(number)).await.is(200, "");
    }
    pair.fail_over().await;
    deliver_until_done(&pair.receiver, &post(10)).await;
    for number in 0..=10 {
        pair.receiver.deliver(&post(number)).await.is(200, "Already processed");
        assert_eq!(pair.scene.effects.of(&format!("d{number}")).await, 1);
    }
    assert_eq!(pair.receiver.runs(), 11);
}

/// What the standby has not got is gone with its effect: both are there, or neither is.
async fn a_failover_to_an_asynchronous_standby_doubles_nothing(adapter: Adapter) {
    let mut pair = Pair::new(adapter, false).await;
    for number in 0..10 {
        pair.receiver.deliver(&post(number)).await.is(200, "");
    }
    pair.scene.server.leave_behind(&pair.standby).await;
    for number in 10..15 {
        pair.receiver.deliver(&post(number)).await.is(200, "");
    }
    pair.fail_over().await;
    for number in 10..15 {
        deliver_until_done(&pair.receiver, &post(number)).await;
    }
    for number in 0..15 {
        pair.receiver.deliver(&post(number)).await.is(200, "Already processed");
        assert_eq!(pair.scene.effects.of(&format!("d{number}")).await, 1);
    }
    assert_eq!(pair.receiver.runs(), 20, "five were lost with their effects, and ran again");
}

#[tokio::test]
async fn a_standby_alone_is_refused() {
    let server = Server::start().await;
    server.store().await.claim(&claim("d")).await.expect("a server");
    let standby = server.standby().await;
    let error = PostgresStore::connect(&standby.url()).await.expect_err("a standby").to_string();
    assert!(error.contains("is a standby: connect to the primary"), "{error}");
    standby.promote().await;
    let begun = Instant::now();
    let store = loop {
        match PostgresStore::connect(&standby.url()).await {
            Ok(store) => break store,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
    };
    let answer = store.claim(&claim("d")).await.expect("promoted");
    assert!(matches!(answer, ClaimAnswer::InFlight { .. }), "{answer:?}");
}
