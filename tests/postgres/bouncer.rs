//! PgBouncer in transaction mode, which gives each transaction any of its connections to the server.

use std::time::{Duration, Instant};

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, Completion, PostgresOptions, PostgresStore, Renewal};

use crate::support::acceptance::{Adapter, Post, rows};
use crate::support::{Bouncer, Effects, PATIENCE, Scene, claim};

rows!(deliveries_through_a_bouncer,);

async fn deliveries_through_a_bouncer(adapter: Adapter) {
    let mut scene = Scene::new().await;
    let bouncer = Bouncer::before(&scene.server, &[]).await;
    scene.store = PostgresStore::connect(&bouncer.url()).await.expect("a server");
    scene.effects = Effects::at(&scene.server.url()).await;
    let receiver = scene.selling(adapter).start().await;
    for number in 0..20 {
        let post = Post::new(&format!("d{number}")).body(format!("{number}"));
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
    }
    assert_eq!((receiver.runs(), scene.effects.of("d19").await), (20, 1));
}

/// Statements with names would meet others on a connection that changes hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_many_at_once_fails() {
    let scene = Scene::new().await;
    let bouncer = Bouncer::before(&scene.server, &["default_pool_size=3"]).await;
    let options = PostgresOptions::new().connections(16).command_timeout(PATIENCE);
    let store = PostgresStore::open(&bouncer.url(), options).await.expect("a server");
    let claims: Vec<_> = (0..480).map(|number| claim(&format!("d{number}"))).collect();
    let each = claims.iter().map(async |claim| {
        let answers = (store.claim(claim).await, store.renew(claim).await);
        (answers, store.complete(claim).await)
    });
    for ((claimed, renewed), completed) in futures_util::future::join_all(each).await {
        assert_eq!(claimed.expect("no failure"), ClaimAnswer::Acquired);
        assert_eq!(renewed.expect("no failure"), Renewal::Renewed);
        assert_eq!(completed.expect("no failure"), Completion::Recorded);
    }
}

/// The bouncer waits before it asks a server again that refused it. The store works again as soon as
/// the bouncer does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_behind_a_bouncer() {
    let mut scene = Scene::new().await;
    let bouncer = Bouncer::before(&scene.server, &["server_login_retry=2"]).await;
    scene.store = PostgresStore::connect(&bouncer.url()).await.expect("a server");
    let receiver = scene.selling(Adapter::Axum).start().await;
    scene.server.crash();
    let post = Post::new("d");
    let begun = Instant::now();
    receiver.deliver(&post).await.is(503, "Try again later");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    scene.server.start_again().await;
    let begun = Instant::now();
    while receiver.deliver(&post).await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the bouncer works again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scene.effects.of("d").await, 1);
}
