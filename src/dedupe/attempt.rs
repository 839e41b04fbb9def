use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::lease::Lease;
use super::permits::{Permit, SharedPermit};
use super::store_call::ask;
use super::{Dedupe, Subject, Times};
use crate::Rejection;
use crate::delivery::ClaimHandle;
use crate::observe::metrics::Split;
use crate::observe::{BackgroundCause, Outcome, Span, StoreOperation};
use crate::store::{AnyStore, Call, StoreError};

/// One attempt at one delivery, or at one event of a batch. It holds a permit until all of its work
/// has ended, in the connection's task or in the background.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) dedupe: Arc<Dedupe>,
    pub(super) span: Span,
    pub(super) started: Instant,
    subject: Subject,
    /// Set once this attempt owns the claim.
    pub(super) claim: OnceLock<ClaimHandle>,
    pub(super) lease: Lease,
    pub(super) times: Times,
    /// Set once the handler has ended.
    pub(super) finalization: OnceLock<Finalization>,
    in_background: AtomicBool,
    /// Set when the events of the delivery get claims of their own.
    pub(super) split: Split,
    permit: Permit,
}

impl Attempt {
    pub(super) fn new(
        dedupe: Arc<Dedupe>,
        permit: Permit,
        (subject, span): (Subject, Span),
        times: Times,
    ) -> Self {
        Self {
            lease: Lease::new(times.lease),
            times,
            dedupe,
            subject,
            span,
            started: Instant::now(),
            claim: OnceLock::new(),
            finalization: OnceLock::new(),
            in_background: AtomicBool::new(false),
            split: <_>::default(),
            permit,
        }
    }

    /// Keeps the claim, to be completed or released when the handler has ended.
    pub(super) fn keep(&self, claim: ClaimHandle) -> ClaimHandle {
        // Never set before this call, because an attempt claims once.
        let _ = self.claim.set(claim.clone());
        claim
    }

    /// Checks that the handler may start.
    ///
    /// It may not if the lease may have expired, or if the store answered a renewal that the lease
    /// is lost. Another attempt may then be working on the delivery, or may have completed it.
    pub(super) fn may_start(&self) -> Result<(), Rejection> {
        if !self.lease.may_have_expired() && !self.lease.is_known_lost() {
            return Ok(());
        }
        // Marks the loss without reporting it. No handler ran, so `LeaseLost` would be wrong.
        let _ = self.lease.note_loss();
        self.observe(Outcome::ClaimedTooLate);
        Err(Rejection::StoreUnavailable { reason: TOO_LATE.into() })
    }

    /// Calls the store with a time limit, and tells observers how the call ended.
    pub(super) async fn ask<'a, T>(
        &'a self,
        operation: StoreOperation,
        limit: Duration,
        call: impl FnOnce(&'a dyn AnyStore) -> Call<'a, T>,
    ) -> Result<T, StoreError> {
        let asked = self.dedupe.start_timer();
        let answer = ask(limit, || call(self.dedupe.store.any())).await;
        let took = asked.took();
        match &answer {
            Ok(_) => {
                self.observe(Outcome::StoreAnswered { operation, took });
                if let Some((down_for, failures)) = self.dedupe.store_health.answered() {
                    self.observe(Outcome::StoreRecovered { down_for, failures });
                }
            }
            Err(error) => {
                self.dedupe.store_health.failed(error);
                self.observe(Outcome::StoreFailed { operation, error, took });
            }
        }
        answer
    }

    pub(super) fn moves_to_background(&self, cause: BackgroundCause) {
        let after = self.started.elapsed();
        self.observe(Outcome::MovedToBackground { cause, after });
        if cause == BackgroundCause::ResponseDue {
            self.rejected(&Rejection::StillProcessing);
        }
        self.in_background.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_in_background(&self) -> bool {
        self.in_background.load(Ordering::Relaxed)
    }

    pub(super) fn share_permit(&self) -> Arc<SharedPermit> {
        self.permit.share()
    }

    /// Tells observers that the response is a rejection, or contains one. Events and attempts in the
    /// background have no response, so there is nothing to report for them.
    pub(super) fn rejected(&self, rejection: &Rejection) {
        if self.subject.event.is_none() && !self.is_in_background() {
            self.observe(Outcome::Rejected { rejection });
        }
    }

    pub(super) fn observe(&self, outcome: Outcome<'_>) {
        let tell = || self.dedupe.tell(outcome, &self.subject, self.split.is_set());
        self.span.in_scope(tell);
    }
}

const TOO_LATE: &str = "the claim may have been lost before the handler could start: the store \
    lost it, or its lease expired while this process was stopped, a thread was blocked, or the \
    handler waited for a concurrency limit";

/// How an attempt ends its claim in the store.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finalization {
    /// The handler succeeded. Repeats get 200 `Already processed`.
    Complete,
    /// The handler failed or did not run. A retry runs it again.
    Release,
}
