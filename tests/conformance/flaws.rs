//! Ways to break a store, and the promises that notice them.

/// Declares the flaws, each with the promise that must notice it.
macro_rules! flaws {
    ($($(#[$doc:meta])* $flaw:ident => $promise:ident,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Flaw {
            /// Fails every call, which every promise notices.
            Unavailable,
            $($(#[$doc])* $flaw,)+
        }

        pub const FLAWS: &[(Flaw, &str)] = &[$((Flaw::$flaw, stringify!($promise)),)+];
    };
}

flaws! {
    /// GET, then SET.
    ClaimInTwoSteps => one_of_many_claims_is_acquired,
    /// The replay records in one step, the record in the next.
    ReplaysApart => one_of_many_replays_is_acquired,
    /// GET, then DEL.
    ReleaseInTwoSteps => a_release_racing_with_claims_makes_one_owner,
    RenewInTwoSteps => a_renewal_racing_with_a_release_brings_nothing_back,
    CompleteInTwoSteps => a_late_completion_racing_with_claims_is_one_of_them,

    /// Out of one table, then into another.
    CompletesByMoving => a_completion_racing_with_claims_lets_none_in,

    LeaseOfTheAsker => a_delivery_in_flight_is_held_for_its_owner,
    LeasesNeverExpire => an_expired_lease_can_be_taken,
    RepeatRefused => a_claim_can_be_repeated_with_its_token,
    RepeatKeepsLease => a_claim_can_be_repeated_with_its_token,
    RenewalKeepsLease => a_renewal_starts_the_lease_anew,
    RenewsForAnybody => only_the_owner_renews,
    RenewsAfterExpiry => an_expired_lease_cannot_be_renewed,
    ReleasesForAnybody => only_the_owner_releases,
    ReleaseDoesNothing => a_released_delivery_can_be_claimed_again,
    ReleaseReopens => a_release_never_reopens_what_is_completed,
    /// Takes effect when its future is made.
    ClaimsUnpolled => a_future_that_is_never_polled_changes_nothing,
    RenewsUnpolled => a_future_that_is_never_polled_changes_nothing,
    CompletesUnpolled => a_future_that_is_never_polled_changes_nothing,
    ReleasesUnpolled => a_future_that_is_never_polled_changes_nothing,
    LeasesRoundedDown => a_lease_is_not_rounded_down_to_whole_seconds,
    LeasesRoundedUp => a_lease_is_not_rounded_up_to_whole_seconds,

    CompletesForAnybody => only_the_owner_completes_what_is_in_flight,
    CompletionNeedsLease => a_completion_is_recorded_after_the_lease,
    CompletesOnce => completing_twice_changes_nothing,
    CompletionNeedsRecord => a_completion_is_recorded_without_a_record,
    CompletionExtends => a_completion_does_not_extend_another,
    CompletedForever => a_completion_is_kept_for_its_retention,
    CompletedForTheLease => a_completion_outlives_its_lease,

    /// Compares the body before the time.
    ExpiredBodyCounts => an_expired_lease_counts_as_no_record,
    /// The same, but only for the former owner's token.
    ExpiredBodyCountsForItsOwner => a_former_owner_is_a_stranger_to_its_expired_lease,
    /// Finds a completed row and leaves it, although it has expired.
    ExpiredCompletionStays => an_expired_completion_counts_as_no_record,
    /// Finds a row for the key and leaves it, although it has expired.
    ExpiredReplayStays => an_expired_replay_record_counts_as_none,

    BodiesIgnored => an_id_belongs_to_one_body,
    ConflictTakesOver => a_conflict_changes_nothing,
    /// A token may come with another body.
    OwnersConflict => an_id_belongs_to_one_body,
    /// Hashed under a seed of each process.
    BodiesBySeed => processes_agree_on_bodies,

    RecordsNoReplay => a_replay_leads_to_the_first_id,
    ReleaseDropsReplays => replay_records_survive_release_and_expiry,
    ReplaysForever => replay_records_are_kept_for_the_replay_window,
    ReplaysForTheLease => replay_records_survive_release_and_expiry,
    ReplaysNotExtended => a_claim_extends_its_replay_records,
    ReplaysAcrossScopes => replay_records_stay_in_their_scope,
    ConflictRecordsReplay => a_conflict_records_no_replay_key,
    ReplayRecordsReplay => any_recorded_key_reveals_a_replay,
    InFlightRecordsNoReplay => a_repeat_in_flight_records_further_keys,
    CompletedRecordsNoReplay => a_repeat_of_a_completed_delivery_records_further_keys,
    OwnReplayNotEnough => replay_records_that_disagree_make_no_circle,
    ReplaysReplaced => replay_records_that_disagree_make_no_circle,
    RecordsFirst => replay_records_are_checked_before_the_record,
    FirstKeyOnly => every_replay_key_is_recorded,

    ScopesIgnored => scopes_are_apart,
    KindsIgnored => events_are_apart_from_deliveries,
    /// An event `d` as `ed`, and a delivery `ed` as it is.
    KindsJoined => events_are_apart_from_deliveries,
    ReplayIdsFolded => unusual_ids_come_back_unchanged,
    /// `a:b` and `c` as `a` and `b:c`.
    NamesJoined => unusual_names_are_kept_apart,
    NamesFolded => unusual_names_are_kept_apart,
    NamesTrimmed => unusual_names_are_kept_apart,
    NamesCut => unusual_names_are_kept_apart,

    /// A deadline by the claimer's clock, compared with the next one's.
    LeasesByClientClock => leases_do_not_depend_on_a_clients_clock,
    RetentionByClientClock => retention_does_not_depend_on_a_clients_clock,
    /// Each process has records of its own.
    ProcessesApart => processes_share_their_records,
    /// Each handle has records of its own.
    HandlesApart => handles_share_their_records,
}
