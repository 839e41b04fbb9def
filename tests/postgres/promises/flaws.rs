//! Ways to break the functions of the schema or the driver, and the promises that notice them.

use std::pin::Pin;

use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::store::conformance::Trial;
use nevent_webhooks::store::conformance::transactions::promises;

use super::database::Flawed;

/// A schema whose functions have a flaw, or a driver that has one.
pub struct Flaw {
    /// Also the schema's.
    pub name: &'static str,
    pub driver: Driver,
    edits: &'static [Edit],
    /// The promises that must notice, by their names.
    pub promises: &'static [(&'static str, Tries)],
}

/// What a driver does with the completion statement.
#[derive(Debug, Clone, Copy)]
pub enum Driver {
    /// Executes it in the effect's transaction.
    Sound,
    /// Locks all records before it, as a database with one writer would.
    LocksAll,
    /// In a savepoint, which it rolls back alone if the statement fails.
    UndoesRefusals,
    /// In a transaction of its own.
    CommitsApart,
}

type Tries = for<'f> fn(&'f Flawed<'f>) -> Pin<Box<dyn Future<Output = Trial> + 'f>>;

/// In this function, this text becomes that.
type Edit = (&'static str, &'static str, &'static str);

impl Flaw {
    pub fn is_noticed_by(&self, promise: &str) -> bool {
        self.promises.iter().any(|(name, _)| *name == promise)
    }

    /// The store's schema under the flaw's name, with the flaw.
    pub fn schema_sql(&self) -> String {
        let mut sql = PostgresStore::schema_sql(self.name).expect("a name");
        let schema = format!("\"{}\"", self.name);
        for (function, from, to) in self.edits {
            let head = format!("FUNCTION {schema}.{function}(");
            let begin = sql.find(&head).expect("a function of the schema");
            let end = begin + sql[begin..].find("$$;").expect("the end of a function");
            assert!(sql[begin..end].contains(from), "{}: nothing to edit", self.name);
            let edited = sql[begin..end].replace(from, to).replace("SCHEMA", &schema);
            sql.replace_range(begin..end, &edited);
        }
        sql
    }
}

macro_rules! flaws {
    ($(
        $(#[$doc:meta])*
        $flaw:ident, $driver:ident, [$($function:ident: $from:literal => $to:literal),*]
            => $($promise:ident),+;
    )+) => {
        pub const FLAWS: &[Flaw] = &[$(Flaw {
            name: stringify!($flaw),
            driver: Driver::$driver,
            edits: &[$((stringify!($function), $from, $to)),*],
            promises: &[$((
                stringify!($promise),
                |flawed| Box::pin(promises::$promise(flawed)),
            )),+],
        },)+];
    };
}

flaws! {
    tokens_ignored, Sound, [complete_in_transaction: "AND r.token = p_token AND" => "AND"]
        => only_the_owner_commits, a_claim_that_was_taken_over_cannot_commit;
    lost_claims_commit, Sound,
        [complete_in_transaction:
            "RAISE EXCEPTION 'the claim of the delivery was lost' USING ERRCODE = 'NW001'"
            => "RETURN"]
        => a_claim_that_was_released_cannot_commit, nothing_is_committed_without_a_record,
           only_the_owner_commits, a_claim_that_was_taken_over_cannot_commit;
    completed_deliveries_commit, Sound,
        [complete_in_transaction:
            "RAISE EXCEPTION 'the delivery is completed already' USING ERRCODE = 'NW002'"
            => "RETURN"]
        => a_completed_delivery_cannot_be_committed, a_committed_delivery_cannot_be_committed_again,
           what_another_attempt_completed_cannot_be_committed,
           a_transaction_completes_a_delivery_once, an_attempt_commits_once;
    completed_is_lost, Sound, [complete_in_transaction: "'NW002'" => "'NW001'"]
        => a_completed_delivery_cannot_be_committed, a_committed_delivery_cannot_be_committed_again,
           what_another_attempt_completed_cannot_be_committed;
    /// The sender would be told that the delivery was handled.
    lost_is_completed, Sound, [complete_in_transaction: "'NW001'" => "'NW002'"]
        => a_claim_that_was_released_cannot_commit, a_claim_that_was_taken_over_cannot_commit,
           nothing_is_committed_without_a_record, only_the_owner_commits;
    completes_again, Sound, [complete_in_transaction: "p_token AND NOT r.completed" => "p_token"]
        => a_transaction_completes_a_delivery_once, a_committed_delivery_cannot_be_committed_again,
           a_completed_delivery_cannot_be_committed, an_expired_commit_counts_as_no_record;
    refusals_undone, UndoesRefusals, []
        => a_claim_that_was_released_cannot_commit, nothing_is_committed_without_a_record;

    needs_the_lease, Sound,
        [complete_in_transaction:
            "AND NOT r.completed" => "AND NOT r.completed AND r.ends > clock_timestamp()"]
        => the_owner_commits_after_its_lease, only_the_owner_commits;
    marks_nothing, Sound, [complete_in_transaction: "completed = true" => "completed = false"]
        => a_committed_completion_completes_the_delivery, a_commit_outlives_its_lease;
    commits_apart, CommitsApart, []
        => a_rolled_back_completion_leaves_the_delivery_in_flight,
           a_claim_does_not_wait_for_a_commit, a_renewal_keeps_the_lease_of_an_open_transaction;
    one_claim_in_a_transaction, Sound,
        [complete_in_transaction: "BEGIN\n" => "BEGIN
            IF current_setting('test.done', true) = pg_current_xact_id()::text THEN
                RETURN;
            END IF;
            PERFORM set_config('test.done', pg_current_xact_id()::text, true);\n"]
        => a_transaction_completes_all_its_claims_or_none;
    replays_dropped, Sound,
        [complete_in_transaction: "BEGIN\n" => "BEGIN
            DELETE FROM SCHEMA.replays r WHERE r.scope = p_scope AND r.id = p_id;\n"]
        => a_commit_keeps_replay_records;
    kinds_ignored, Sound, [complete_in_transaction: " AND r.kind = p_kind" => ""]
        => commits_of_kinds_and_scopes_are_apart;
    scopes_ignored, Sound, [complete_in_transaction: "r.scope = p_scope AND" => ""]
        => commits_of_kinds_and_scopes_are_apart;

    kept_after_the_lease, Sound,
        [complete_in_transaction: "ends = clock_timestamp() + " => "ends = r.ends + "]
        => a_commit_is_kept_for_its_retention;
    kept_forever, Sound,
        [complete_in_transaction: "clock_timestamp() + r.retention" => "'infinity'"]
        => a_commit_is_kept_for_its_retention, an_expired_commit_counts_as_no_record;
    /// `delete_after` is the time of the claim, its lease of 60 s and its retention.
    kept_from_the_claim, Sound,
        [complete_in_transaction:
            "clock_timestamp() + r.retention" => "r.delete_after - interval '60 s'"]
        => a_commit_is_kept_for_its_retention;
    kept_for_the_lease, Sound,
        [complete_in_transaction: "ends = clock_timestamp() + r.retention, " => ""]
        => a_commit_outlives_its_lease;
    expired_commits_count, Sound,
        [complete_in_transaction: "r.completed AND r.ends > clock_timestamp()" => "r.completed"]
        => an_expired_commit_counts_as_no_record;
    releases_commits, Sound, [release: "AND NOT r.completed" => ""]
        => a_committed_delivery_is_never_reopened, a_release_during_a_commit_reopens_nothing;
    renews_commits, Sound, [renew: "AND NOT r.completed" => ""]
        => a_committed_delivery_is_never_reopened, a_committed_completion_completes_the_delivery;
    completions_extend_commits, Sound,
        [complete: "IF held.ends > now_ AND held.completed THEN" => "IF false THEN",
         complete: "AND held.token <> p_token" => "AND NOT held.completed AND held.token <> p_token"]
        => a_completion_does_not_extend_a_commit;

    claims_wait, Sound,
        [claim: "r.kind = p_kind;\n        now_" => "r.kind = p_kind FOR UPDATE;\n        now_"]
        => a_claim_does_not_wait_for_a_commit,
           an_open_transaction_holds_its_delivery_beyond_the_lease;
    takeovers_wait, Sound, [claim: "FOR UPDATE SKIP LOCKED" => "FOR UPDATE"]
        => an_open_transaction_holds_its_delivery_beyond_the_lease;
    renewals_wait, Sound, [renew: "FOR UPDATE SKIP LOCKED" => "FOR UPDATE"]
        => a_renewal_keeps_the_lease_of_an_open_transaction;
    locked_is_lost, Sound,
        [renew: "AND r.ends > clock_timestamp();\n    END IF" => "AND false;\n    END IF"]
        => a_renewal_keeps_the_lease_of_an_open_transaction;
    /// Looks at the record as it was, and then waits for the commit.
    releases_in_two_steps, Sound,
        [release: "AND r.token = p_token AND NOT r.completed" =>
            "AND EXISTS (SELECT FROM SCHEMA.records o WHERE o.scope = p_scope AND o.id = p_id
                AND o.kind = p_kind AND o.token = p_token AND NOT o.completed)"]
        => a_release_during_a_commit_reopens_nothing;

    /// So far apart that another attempt has the time to connect in between.
    completes_in_two_steps, Sound,
        [complete_in_transaction: "            AND r.token = p_token AND NOT r.completed\n" => "",
         complete_in_transaction: "BEGIN\n" => "BEGIN
            PERFORM FROM SCHEMA.records r
                WHERE r.scope = p_scope AND r.id = p_id AND r.kind = p_kind
                    AND r.token = p_token AND NOT r.completed;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the claim of the delivery was lost' USING ERRCODE = 'NW001';
            END IF;
            PERFORM pg_sleep(0.1);\n"]
        => one_of_many_owners_commits, an_attempt_commits_once;
}
