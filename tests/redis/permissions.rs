//! Users, passwords and permissions.

use nevent_webhooks::Store;
use nevent_webhooks::store::{RedisStore, RedisWarning};

use crate::refusals::{refusal, says};
use crate::support::{Server, claim};

#[tokio::test]
async fn a_wrong_password_or_none() {
    let server = Server::with(&["--requirepass", "sesame"]).await;
    let right = server.url();
    RedisStore::connect(&right).await.expect("the right password");
    for wrong in ["", ":wrong@", "somebody:sesame@"] {
        let error = refusal(&right.replace(":sesame@", wrong)).await;
        says(&error, &["Check the user and the password in the URL"]);
        assert!(!error.contains("sesame"), "{error}");
    }
}

/// In a URL a plus is a plus, in forms alone it is a space.
#[tokio::test]
async fn a_password_with_a_plus_for_a_socket() {
    let server = Server::with(&["--requirepass", "open+sesame"]).await;
    let url = format!("redis+unix://{}?pass=open+sesame", server.socket());
    RedisStore::connect(&url).await.expect("the right password");
    let error = refusal(&url.replace("open+", "open%20")).await;
    says(&error, &["Check the user and the password in the URL"]);
}

/// The rights that `RedisStore`'s documentation names, and no others.
#[tokio::test]
async fn a_user_with_the_least_rights() {
    let server = Server::start().await;
    let rights = "on >sesame ~nevent:* +evalsha +eval +get +set +del +pexpire +pttl +ping +info";
    let user = |rights: &str| {
        ["ACL SETUSER receiver reset ", rights].concat().split(' ').map(str::to_owned).collect()
    };
    let set = async |words: Vec<String>| {
        server.command::<()>(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    };
    let url = server.url().replace("redis://", "redis://receiver:sesame@");
    set(user(rights)).await;
    let store = RedisStore::connect(&url).await.expect("rights enough");
    let first = claim("first");
    store.claim(&first).await.expect("rights enough");
    store.renew(&first).await.expect("rights enough");
    store.complete(&first).await.expect("rights enough");
    store.complete(&claim("never claimed")).await.expect("rights enough");

    let third = format!("{url}/3");
    says(&refusal(&third).await, &["Give its user the permissions"]);
    set(user(&format!("{rights} +select"))).await;
    RedisStore::connect(&third).await.expect("rights enough");

    // Without INFO it works, and says what it could not see.
    set(user(&rights.replace(" +info", ""))).await;
    let store = RedisStore::connect(&url).await.expect("rights enough");
    assert!(matches!(store.warnings(), [RedisWarning::Unchecked { .. }]), "{:?}", store.warnings());

    set(user(&rights.replace("~nevent:*", "~other:*"))).await;
    says(&refusal(&url).await, &["NoPerm", "Give its user the permissions"]);
    set(user(&rights.replace("+set ", ""))).await;
    says(&refusal(&url).await, &["Give its user the permissions"]);
}
