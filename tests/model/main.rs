//! Deduplication as a state machine, all of whose states are looked at: four attempts at a
//! time at one delivery, processes that crash or stall, handlers that fail or never
//! end, leases that expire, answers that are lost or read late, and a store that comes and
//! goes. `renewal` is the timing of renewals, tick by tick.
//!
//! Left out: replays, ids that are used again, retention, the limit of handlers at work, and
//! completions that are given up.
//!
//! The rules are those of `Store` and of `src/dedupe`, written anew: that a store keeps
//! them is for the conformance suite and the fuzz target `store`. Each fault that is
//! seeded into them must break a property, or the properties would say nothing.

mod machine;
mod renewal;
mod search;

use machine::Fault;
use search::{Findings, explore};

fn findings(fault: Option<Fault>) -> Findings {
    let findings = explore(fault);
    println!("{fault:?}: {} states, {:?}", findings.states, findings.broken);
    findings
}

#[test]
fn no_state_breaks_a_promise() {
    let findings = findings(None);
    assert!(findings.broken.is_empty(), "{:?}", findings.broken);
    assert_eq!(findings.states, 13_088, "all that can happen");
}

#[test]
fn each_seeded_fault_is_noticed() {
    for (fault, promise) in [
        (Fault::SuccessWhileInFlight, "no 2xx without a handler that is done"),
        (Fault::SuccessAtTheDeadline, "no 2xx without a handler that is done"),
        (Fault::ReleaseWithoutToken, "who holds a lease holds the record"),
        (Fault::MarkedBeforeHandling, "no 2xx without a handler that is done"),
        (Fault::ExpiredCompletionRefused, "no second run without a cause"),
        (Fault::RenewedWithoutEnd, "handled in the end, as long as retries go on"),
        (Fault::CompletionWithoutToken, "who completes has no rival"),
        (Fault::CompletionOfWhatIsCompleted, "no two completions that count"),
        (Fault::ExpiresNever, "handled in the end, as long as retries go on"),
        (Fault::LateAnswerTrusted, "no second run without a cause"),
        (Fault::LossUncounted, "no second run that nobody counts"),
    ] {
        let broken = findings(Some(fault)).broken;
        assert!(broken.contains(promise), "{fault:?} breaks {broken:?}");
    }
}
