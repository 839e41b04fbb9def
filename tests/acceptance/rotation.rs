//! s17: the secrets of a running receiver are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nevent_webhooks::Verifier;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::support::receiver::secret;
use crate::support::{
    Adapter, OTHER_SECRET, PREVIOUS_SECRET, Post, Receiver, SECRET, eventually, rows,
};

rows!(s17_no_genuine_delivery_is_rejected_during_rotations, s17_a_removed_secret_is_worthless);

/// What a sender does while the secret is changed: each delivery is signed with the secret
/// of the moment, and the change waits for those on their way.
#[derive(Default)]
struct Sender {
    secret: RwLock<&'static str>,
    sent: AtomicUsize,
    over: AtomicBool,
}

impl Sender {
    async fn deliver(&self, receiver: &Receiver) {
        while !self.over.load(Ordering::SeqCst) {
            let secret = self.secret.read().await;
            let number = self.sent.fetch_add(1, Ordering::SeqCst);
            let id = format!("d-{number}");
            let post = Post::new(&id).body(format!("body {number}")).secret(*secret);
            receiver.deliver(&post).await.is(200, "");
        }
    }

    async fn has_sent_more(&self) {
        let enough = self.sent.load(Ordering::SeqCst) + 20;
        eventually("more is sent", || self.sent.load(Ordering::SeqCst) >= enough).await;
    }
}

async fn s17_no_genuine_delivery_is_rejected_during_rotations(adapter: Adapter) {
    let secrets = [SECRET, PREVIOUS_SECRET, OTHER_SECRET];
    let verifier = Verifier::new(secret(SECRET));
    let receiver = Arc::new(Receiver::on(adapter).verifier(verifier.clone()).start().await);
    let sender = Arc::new(Sender { secret: RwLock::new(SECRET), ..Sender::default() });
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (sender, receiver) = (Arc::clone(&sender), Arc::clone(&receiver));
        clients.spawn(async move { sender.deliver(&receiver).await });
    }
    for number in 0..6 {
        let [old, new] = [number, number + 1].map(|n| secrets[n % 3]);
        sender.has_sent_more().await;
        verifier.replace_secrets([new, old].map(secret)).expect("two secrets");
        sender.has_sent_more().await;
        *sender.secret.write().await = new;
        sender.has_sent_more().await;
        verifier.replace_secrets([secret(new)]).expect("one secret");
    }
    sender.over.store(true, Ordering::SeqCst);
    while let Some(client) = clients.join_next().await {
        client.expect("every delivery got a 200");
    }
    assert_eq!(receiver.runs(), sender.sent.load(Ordering::SeqCst));
}

async fn s17_a_removed_secret_is_worthless(adapter: Adapter) {
    let verifier = Verifier::new(secret(SECRET));
    let receiver = Receiver::on(adapter).verifier(verifier.clone()).start().await;
    receiver.deliver(&Post::new("a").body("a")).await.is(200, "");
    verifier.replace_secrets([secret(OTHER_SECRET)]).expect("one secret");
    receiver.deliver(&Post::new("b").body("b")).await.is(401, "Invalid signature");
    receiver.deliver(&Post::new("b").body("b").secret(OTHER_SECRET)).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}
