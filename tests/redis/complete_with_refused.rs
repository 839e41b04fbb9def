//! Effects that cannot be executed: nothing is, and the delivery stays in flight for its owner.

use nevent_webhooks::ClaimState;
use nevent_webhooks::store::{RedisEffectError as Refusal, RedisEffects};
use nevent_webhooks::transaction::CompleteError;

use crate::support::held::Bench;

/// Effects before and after those that are tried. None of them may be seen.
const BEFORE: &str = "{tickets}:before";
const AFTER: &str = "{tickets}:after";

/// The effects are refused, alone and among others. Nothing is executed, and the record is as before.
pub async fn refused(bench: &Bench, tried: impl Fn(RedisEffects) -> RedisEffects) -> Refusal {
    let held = bench.held("d").await;
    let before = (bench.record("d").await, dump(bench).await);
    assert!(before.0.1, "in flight");
    let alone = tried(RedisEffects::new());
    let among_others = tried(RedisEffects::new().rpush(BEFORE, "x")).incr_by(AFTER, 1);
    let mut refusals = Vec::new();
    for effects in [alone, among_others] {
        let error = bench.store.complete_with(&held, effects).await.expect_err("refused");
        let CompleteError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!(held.state(), ClaimState::Refused);
        assert_eq!((bench.record("d").await, dump(bench).await), before, "{refusal}");
        refusals.push(refusal);
    }
    assert_eq!(refusals[0], refusals[1]);
    // The owner may still complete it. The next call has the id to itself.
    bench.store.complete_with(&held, RedisEffects::new()).await.expect("held");
    bench.server.command::<()>(&["DEL", "nevent:{tickets}dd"]).await;
    refusals.remove(0)
}

/// All effects' keys and values.
async fn dump(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let mut values = Vec::new();
    for key in bench.effects().await {
        values.push((key.clone(), bench.server.command(&["DUMP", &key]).await));
    }
    values
}

pub const KEY: &str = "{tickets}:key";

type Command = (&'static str, &'static str, fn(RedisEffects) -> RedisEffects);

/// Each command on `KEY`, and the type of value that it makes.
const COMMANDS: [Command; 6] = [
    ("XADD", "stream", |effects| effects.xadd(KEY, [("a", "b")])),
    ("LPUSH", "list", |effects| effects.lpush(KEY, "x")),
    ("RPUSH", "list", |effects| effects.rpush(KEY, "x")),
    ("SADD", "set", |effects| effects.sadd(KEY, "x")),
    ("HSET", "hash", |effects| effects.hset(KEY, "f", "x")),
    ("INCRBY", "string", |effects| effects.incr_by(KEY, 1)),
];

#[tokio::test]
async fn a_key_of_another_type() {
    let bench = Bench::start().await;
    let values: [(&str, &[&str]); 6] = [
        ("stream", &["XADD", KEY, "*", "a", "b"]),
        ("list", &["RPUSH", KEY, "x"]),
        ("set", &["SADD", KEY, "x"]),
        ("hash", &["HSET", KEY, "f", "x"]),
        ("string", &["SET", KEY, "1"]),
        ("zset", &["ZADD", KEY, "1", "x"]),
    ];
    for (found, write) in values {
        bench.server.command::<()>(&["DEL", KEY]).await;
        bench.server.command::<redis::Value>(write).await;
        for (command, _, add) in COMMANDS.into_iter().filter(|(_, wanted, _)| *wanted != found) {
            let refusal = refused(&bench, add).await;
            let said = refusal.to_string();
            assert_eq!(said, format!("{command} is not possible on {KEY:?}, which is a {found}"));
        }
    }
}

/// The key is missing, and the first effect makes it what the second cannot use.
#[tokio::test]
async fn one_key_for_two_types_in_one_call() {
    let bench = Bench::start().await;
    for (_, made, first) in COMMANDS {
        for (command, wanted, second) in COMMANDS {
            if made == wanted {
                continue;
            }
            let refusal = refused(&bench, |effects| second(first(effects))).await;
            let Refusal::WrongType { command: named, found, .. } = &refusal else {
                panic!("{refusal}")
            };
            assert_eq!((*named, &**found), (command, made));
        }
    }
}

#[tokio::test]
async fn a_stream_whose_ids_are_used_up() {
    let bench = Bench::start().await;
    let last = "18446744073709551615";
    for sequence in ["18446744073709551615", "18446744073709551614", "18446744073709500000"] {
        bench.server.command::<()>(&["DEL", KEY]).await;
        bench.server.command::<()>(&["XADD", KEY, &format!("{last}-{sequence}"), "a", "b"]).await;
        let refusal = refused(&bench, |effects| effects.xadd(KEY, [("a", "b")])).await;
        assert!(matches!(refusal, Refusal::StreamFull { .. }), "{refusal}");
    }
    // It stays full without its entries.
    bench.server.command::<()>(&["XTRIM", KEY, "MAXLEN", "0"]).await;
    let refusal = refused(&bench, |effects| effects.xadd(KEY, [("a", "b")])).await;
    assert!(matches!(refusal, Refusal::StreamFull { .. }), "{refusal}");
    // The clock is behind the last id, and ids are left.
    for (number, id) in [
        format!("{last}-18446744073709499999"),
        "18446744073709551614-18446744073709551615".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        bench.server.command::<()>(&["DEL", KEY]).await;
        bench.server.command::<()>(&["XADD", KEY, id, "a", "b"]).await;
        let held = bench.held(&format!("behind {number}").replace(' ', "_")).await;
        let two = RedisEffects::new().xadd(KEY, [("a", "b")]).xadd(KEY, [("a", "b")]);
        bench.store.complete_with(&held, two).await.expect("room");
        assert_eq!(bench.read(&["XLEN", KEY]).await, "3");
    }
}

/// Before anything is sent: the server is gone.
#[tokio::test]
async fn keys_and_sizes_that_are_refused_without_the_server() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.server.kill();
    let refusal = async |effects: RedisEffects| {
        let error = bench.store.complete_with(&held, effects).await.expect_err("refused");
        let CompleteError::Refused(refusal) = error else { panic!("{error:?}") };
        refusal.to_string()
    };
    for key in ["sales", "{fans}:sales", "{}{tickets}:sales", "{tickets", "x{fans}{tickets}", ""] {
        let said = refusal(RedisEffects::new().rpush("{tickets}:ok", "x").lpush(key, "x")).await;
        let begins =
            format!("the key {key:?} must have the scope in braces, such as \"{{tickets}}:");
        assert!(said.starts_with(&begins), "{said}");
    }
    assert!(refusal(RedisEffects::new().sadd("sales", "x")).await.ends_with("\"{tickets}:sales\""));
    for key in
        ["nevent:{tickets}dother", "nevent:{tickets}eevt_1", "nevent:{tickets}r0123456789abcdef"]
    {
        let said = refusal(RedisEffects::new().hset(key, "f", "v")).await;
        assert!(said.contains("begins as the store's own records"), "{said}");
    }
    let no_fields: [(&str, &str); 0] = [];
    let said = refusal(RedisEffects::new().xadd(KEY, no_fields)).await;
    assert_eq!(said, format!("the entry for the stream {KEY:?} has no fields"));
    let many = (0..1001).fold(RedisEffects::new(), |all, _| all.rpush(KEY, ""));
    assert!(refusal(many).await.contains("4004 arguments"));
    let fields = (0..1999).map(|n| (n.to_string(), ""));
    assert!(refusal(RedisEffects::new().xadd(KEY, fields)).await.contains("4002 arguments"));
    let large = RedisEffects::new().rpush(KEY, vec![b'x'; (64 << 20) - KEY.len() + 1]);
    assert!(refusal(large).await.contains("67108865 bytes"));
}
