//! Claims, renewals, completions and releases of the same deliveries, in every order in which
//! two or three threads can take their steps.

mod orders;

use std::time::Duration;

use self::orders::{Scenario, Step, in_every_order};
use crate::store::{Claim, Fingerprint, Scope};
use crate::{DeliveryId, ReplayKey};
use Step::{Claim as Claims, Complete, Pass, Release, Renew};

/// Three receivers' claims of one delivery.
const A1: usize = 0;
const A2: usize = 1;
const A3: usize = 2;
/// The same signed bytes under two other ids.
const REPLAY: usize = 3;
const OTHER_REPLAY: usize = 4;
/// Other deliveries.
const B: usize = 5;
const C: usize = 6;

const LEASE: u64 = 30;
const REPLAY_WINDOW: u64 = 660;
const RETENTION: u64 = 3_600;

fn scenario(capacity: usize, before: &[Step], threads: &[&[Step]], after: &[Step]) -> Scenario {
    Scenario {
        capacity,
        claims: claims(),
        before: before.to_vec(),
        threads: threads.iter().map(|steps| steps.to_vec()).collect(),
        after: after.to_vec(),
    }
}

fn claims() -> Vec<Claim> {
    let claims = [("a", 1), ("a", 1), ("a", 1), ("replay", 1), ("other", 1), ("b", 2), ("c", 3)];
    claims.map(|(id, body)| claim(id, body)).to_vec()
}

fn claim(id: &str, body: u8) -> Claim {
    let id = DeliveryId::new(id).unwrap();
    let scope = Scope::new("/hooks").unwrap();
    let mut claim = Claim::new(scope, id, Fingerprint::of(&[body]));
    claim.replay_keys = [ReplayKey::from_bytes([body; 16])].into();
    claim.replay_window = Duration::from_secs(REPLAY_WINDOW);
    claim.lease = Duration::from_secs(LEASE);
    claim.retention = Duration::from_secs(RETENTION);
    claim
}

#[test]
fn one_of_three_receivers_acquires_a_delivery() {
    let threads: &[&[Step]] = &[&[Claims(A1)], &[Claims(A2)], &[Claims(A3)]];
    in_every_order(scenario(10, &[], threads, &[Claims(A1), Claims(A2), Claims(A3)]));
}

#[test]
fn signed_bytes_belong_to_one_id() {
    let threads: &[&[Step]] = &[&[Claims(A1)], &[Claims(REPLAY)], &[Claims(OTHER_REPLAY)]];
    in_every_order(scenario(10, &[], threads, &[Claims(A2), Claims(REPLAY)]));
}

#[test]
fn a_claim_whose_answer_was_lost_is_acquired_again() {
    let threads: &[&[Step]] = &[&[Claims(A1)], &[Claims(A1), Complete(A1)], &[Claims(A2)]];
    in_every_order(scenario(10, &[], threads, &[Claims(A3)]));
}

#[test]
fn a_lease_expires_or_is_renewed() {
    let threads: &[&[Step]] =
        &[&[Renew(A1), Complete(A1)], &[Pass(LEASE)], &[Claims(A2), Complete(A2)]];
    in_every_order(scenario(10, &[Claims(A1)], threads, &[Claims(A3)]));
}

#[test]
fn a_claim_that_waited_for_a_lock_goes_by_the_time_after_it() {
    let threads: &[&[Step]] = &[&[Claims(A2)], &[Pass(LEASE), Claims(A3)]];
    in_every_order(scenario(10, &[Claims(A1)], threads, &[Renew(A2), Renew(A3)]));
}

/// This holds for the record's lock as well as for that of the replay records.
#[test]
fn a_claim_that_waited_for_its_record_goes_by_the_time_after_it() {
    let threads: &[&[Step]] = &[&[Claims(A2)], &[Pass(LEASE), Release(A1)]];
    in_every_order(scenario(10, &[Claims(A1)], threads, &[Renew(A2)]));
}

#[test]
fn a_release_meets_the_claim_of_a_retry() {
    let threads: &[&[Step]] = &[&[Release(A1)], &[Claims(A2), Renew(A2)], &[Pass(LEASE)]];
    in_every_order(scenario(10, &[Claims(A1)], threads, &[Claims(A3), Renew(A2), Complete(A2)]));
}

#[test]
fn a_completion_after_the_lease_meets_the_next_claim() {
    let threads: &[&[Step]] = &[&[Complete(A1)], &[Claims(A2), Release(A2)], &[Claims(A3)]];
    let before = [Claims(A1), Pass(LEASE)];
    in_every_order(scenario(10, &before, threads, &[Claims(A2), Complete(A3)]));
}

#[test]
fn a_delivery_in_flight_is_never_evicted() {
    let threads: &[&[Step]] = &[&[Renew(A1), Complete(A1)], &[Claims(B), Complete(B)]];
    in_every_order(scenario(1, &[Claims(A1)], threads, &[Claims(A2), Claims(C)]));
}

#[test]
fn a_completed_delivery_makes_room_for_one_of_two_claims() {
    let threads: &[&[Step]] = &[&[Claims(B)], &[Claims(C)], &[Complete(A1)]];
    let before = [Claims(A1), Complete(A1)];
    in_every_order(scenario(1, &before, threads, &[Complete(B), Complete(C), Claims(A2)]));
}

#[test]
fn expired_leases_make_room_and_their_owners_complete() {
    let threads: &[&[Step]] = &[&[Claims(C)], &[Complete(A1)], &[Renew(B), Complete(B)]];
    let before = [Claims(A1), Claims(B), Pass(LEASE)];
    in_every_order(scenario(2, &before, threads, &[Claims(A2), Renew(C)]));
}

#[test]
fn a_record_expires_and_its_replay_record_before_it() {
    let before = [Claims(A1), Complete(A1), Pass(REPLAY_WINDOW - 1)];
    let threads: &[&[Step]] =
        &[&[Claims(REPLAY)], &[Pass(1), Pass(RETENTION - REPLAY_WINDOW)], &[Claims(A2)]];
    in_every_order(scenario(10, &before, threads, &[Claims(A3), Claims(OTHER_REPLAY)]));
}
