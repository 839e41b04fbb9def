//! Counters: the script adds as the server does, before the server does.

use nevent_webhooks::store::{RedisEffectError as Refusal, RedisEffects};
use nevent_webhooks::transaction::CompleteError;

use crate::complete_with_refused::{KEY, refused};
use crate::support::held::{Bench, claim_again};

const MOST: &str = "9223372036854775807";
const LEAST: &str = "-9223372036854775808";

/// Every value with every number: what the server's own `INCRBY` would refuse is refused, nothing
/// else is, and the sum is the server's.
#[tokio::test]
async fn counters_agree_with_the_servers_own_arithmetic() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    let values = [
        "0",
        "7",
        "-1",
        "999999999",
        "1000000000",
        "-1000000000",
        "-999999999",
        "1000000001",
        "9007199254740993",
        "-9007199254740993",
        "9223372035999999999",
        "9223372036000000000",
        "9223372036854775806",
        MOST,
        "9223372036854775808",
        "-9223372036854775807",
        LEAST,
        "-9223372036854775809",
        "-9223372037000000000",
        "9999999999999999999",
        "18446744073709551616",
        "007",
        " 5",
        "5 ",
        "+5",
        "-0",
        "00",
        "1.5",
        "1e3",
        "0x10",
        "",
        "-",
        "x",
        "5\n",
        "5\0",
    ];
    let numbers = [
        0,
        1,
        -1,
        999_999_999,
        -999_999_999,
        1_000_000_000,
        854_775_807,
        854_775_808,
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
        i64::MIN + 1,
        9_007_199_254_740_993,
    ];
    let mut refusals = 0;
    for value in values {
        for number in numbers {
            for key in [KEY, "{tickets}:own"] {
                bench.server.command::<()>(&["SET", key, value]).await;
            }
            let own: Result<i64, _> =
                bench.server.try_command(&["INCRBY", "{tickets}:own", &number.to_string()]).await;
            claim_again(&bench.store, held.claim()).await;
            let effects = RedisEffects::new().incr_by(KEY, number);
            let done = bench.store.complete_with(&held, effects).await;
            assert_eq!(done.is_ok(), own.is_ok(), "{value:?} + {number}: {done:?} and {own:?}");
            if let Err(error) = done {
                use Refusal::{NotAnInteger, Overflow};
                let is_refused =
                    matches!(error, CompleteError::Refused(NotAnInteger { .. } | Overflow { .. }));
                assert!(is_refused, "{error:?}");
                refusals += 1;
            }
            let after =
                [bench.read(&["GET", KEY]).await, bench.read(&["GET", "{tickets}:own"]).await];
            assert_eq!(after[0], after[1], "{value:?} + {number}");
            bench.server.command::<()>(&["DEL", "nevent:{tickets}dd"]).await;
        }
    }
    assert!(refusals > 100, "{refusals}");
}

#[tokio::test]
async fn a_counter_that_is_no_integer_or_would_overflow() {
    let bench = Bench::start().await;
    for value in ["007", " 5", "1.5", "", "9223372036854775808"] {
        bench.server.command::<()>(&["SET", KEY, value]).await;
        let refusal = refused(&bench, |effects| effects.incr_by(KEY, 0)).await;
        assert_eq!(refusal.to_string(), format!("the counter {KEY:?} does not hold an integer"));
    }
    bench.server.command::<()>(&["SET", KEY, "9223372036854775800"]).await;
    let refusal = refused(&bench, |effects| effects.incr_by(KEY, 8)).await;
    assert_eq!(refusal.to_string(), format!("the counter {KEY:?} would overflow"));
    // Each alone is possible. Together they are not, although the last would lead back.
    let steps = |effects: RedisEffects| effects.incr_by(KEY, 4).incr_by(KEY, 4).incr_by(KEY, -8);
    assert!(matches!(refused(&bench, steps).await, Refusal::Overflow { .. }));
    bench.server.command::<()>(&["DEL", KEY]).await;
    let steps = |effects: RedisEffects| effects.incr_by(KEY, i64::MIN).incr_by(KEY, -1);
    assert!(matches!(refused(&bench, steps).await, Refusal::Overflow { .. }));
    // In this order they are possible.
    let held = bench.held("possible").await;
    let steps = RedisEffects::new().incr_by(KEY, i64::MIN).incr_by(KEY, i64::MAX).incr_by(KEY, 8);
    bench.store.complete_with(&held, steps).await.expect("no overflow");
    assert_eq!(bench.read(&["GET", KEY]).await, "7");
}
