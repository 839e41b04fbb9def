//! The four operations of the reference store.

use std::task::{Context, Poll, Waker};

use nevent_webhooks::Store;
use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, Renewal, StoreError};

use crate::flaws::Flaw;
use crate::reference::{Memory, Record, Reference};

impl Reference {
    fn claims(&self, memory: &Memory, claim: &Claim) -> ClaimAnswer {
        let first = self.replay_of(memory, claim);
        let record = self.live(memory, claim);
        match (first, record) {
            (Some(first), None) => ClaimAnswer::ReplayOf(first),
            (Some(first), _) if !self.has(Flaw::RecordsFirst) => ClaimAnswer::ReplayOf(first),
            (_, Some(record)) => self.stands(record, claim),
            (None, None) if self.expired_body_counts(memory, claim) => ClaimAnswer::Conflict,
            (None, None) => ClaimAnswer::Acquired,
        }
    }

    fn expired_body_counts(&self, memory: &Memory, claim: &Claim) -> bool {
        let expired = memory.records.get(&self.key(claim));
        expired.is_some_and(|record| {
            let own = record.owner == Some(claim.token);
            let counts = self.has(Flaw::ExpiredBodyCounts)
                || self.has(Flaw::ExpiredBodyCountsForItsOwner) && own;
            counts && record.body != self.body(claim)
        })
    }

    fn stands(&self, record: &Record, claim: &Claim) -> ClaimAnswer {
        let own = record.owner == Some(claim.token) && !self.has(Flaw::RepeatRefused);
        let same_body = record.body == self.body(claim);
        if own && (same_body || self.has(Flaw::OwnersConflict)) {
            return ClaimAnswer::Acquired;
        }
        match record.owner {
            _ if !same_body && !self.has(Flaw::BodiesIgnored) => ClaimAnswer::Conflict,
            Some(_) if self.has(Flaw::LeaseOfTheAsker) => {
                ClaimAnswer::InFlight { lease: claim.lease }
            }
            Some(_) => {
                ClaimAnswer::InFlight { lease: record.until.saturating_sub(self.now(record)) }
            }
            None => ClaimAnswer::Completed,
        }
    }

    fn claimed(&self, memory: &mut Memory, claim: &Claim, answer: &ClaimAnswer) {
        let taken_over = *answer == ClaimAnswer::Conflict && self.has(Flaw::ConflictTakesOver);
        if *answer == ClaimAnswer::Acquired || taken_over {
            let standing = self.live(memory, claim).map(|record| record.until);
            let mut record = self.in_flight(claim);
            if let (Some(until), true) = (standing, self.has(Flaw::RepeatKeepsLease)) {
                record.until = until;
            }
            memory.records.insert(self.key(claim), record);
        }
        let records = match answer {
            _ if self.has(Flaw::RecordsNoReplay) => false,
            ClaimAnswer::Acquired => true,
            ClaimAnswer::InFlight { .. } => !self.has(Flaw::InFlightRecordsNoReplay),
            ClaimAnswer::Completed => !self.has(Flaw::CompletedRecordsNoReplay),
            ClaimAnswer::ReplayOf(_) => self.has(Flaw::ReplayRecordsReplay),
            ClaimAnswer::Conflict => self.has(Flaw::ConflictRecordsReplay),
        };
        if records {
            let extends = *answer == ClaimAnswer::Acquired && !self.has(Flaw::ReplaysNotExtended);
            self.record_replays(memory, claim, extends);
        }
    }

    async fn claim_now(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let look = |memory: &Memory| self.claims(memory, claim);
        let write = |memory: &mut Memory, answer: &ClaimAnswer| self.claimed(memory, claim, answer);
        if self.has(Flaw::ReplaysApart) {
            // The replay records are looked at in one step, and the record is taken in the next.
            let replay = |memory: &Memory| self.replay_of(memory, claim);
            if let Some(first) = self.step(Flaw::ReplaysApart, replay, |_, _| ()).await? {
                return Ok(ClaimAnswer::ReplayOf(first));
            }
            let record = |memory: &Memory| {
                self.live(memory, claim)
                    .map_or(ClaimAnswer::Acquired, |record| self.stands(record, claim))
            };
            return self.step(Flaw::ClaimInTwoSteps, record, write).await;
        }
        self.step(Flaw::ClaimInTwoSteps, look, write).await
    }

    async fn renew_now(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let look = |memory: &Memory| {
            let late = self.has(Flaw::RenewsAfterExpiry);
            let expired = memory.records.get(&self.key(claim)).filter(|_| late);
            let owner = self.live(memory, claim).or(expired).and_then(|record| record.owner);
            match owner {
                Some(owner) if owner == claim.token => Renewal::Renewed,
                Some(_) if self.has(Flaw::RenewsForAnybody) => Renewal::Renewed,
                _ => Renewal::Lost,
            }
        };
        let write = |memory: &mut Memory, renewal: &Renewal| {
            if *renewal == Renewal::Renewed && !self.has(Flaw::RenewalKeepsLease) {
                memory.records.insert(self.key(claim), self.in_flight(claim));
            }
        };
        self.step(Flaw::RenewInTwoSteps, look, write).await
    }

    async fn complete_now(&self, claim: &Claim) -> Result<Completion, StoreError> {
        if self.has(Flaw::CompletesByMoving) {
            self.release_now(claim).await?;
        }
        let look = |memory: &Memory| {
            let record = self.live(memory, claim);
            let expired = record.is_none() && memory.records.contains_key(&self.key(claim));
            if expired && self.has(Flaw::CompletionNeedsLease) {
                return Completion::HeldByAnother;
            }
            let held = match record.and_then(|record| record.owner) {
                Some(owner) => owner != claim.token && !self.has(Flaw::CompletesForAnybody),
                None if record.is_none() => self.has(Flaw::CompletionNeedsRecord),
                None => self.has(Flaw::CompletesOnce),
            };
            if held { Completion::HeldByAnother } else { Completion::Recorded }
        };
        let write = |memory: &mut Memory, completion: &Completion| {
            let row = memory.records.get(&self.key(claim));
            let row = row.filter(|_| self.has(Flaw::ExpiredCompletionStays));
            let done = self.live(memory, claim).or(row).is_some_and(|row| row.owner.is_none());
            if *completion == Completion::Recorded && (!done || self.has(Flaw::CompletionExtends)) {
                memory.records.insert(self.key(claim), self.completed(claim));
            }
        };
        self.step(Flaw::CompleteInTwoSteps, look, write).await
    }

    async fn release_now(&self, claim: &Claim) -> Result<(), StoreError> {
        let look = |memory: &Memory| {
            let owner = memory.records.get(&self.key(claim)).map(|record| record.owner);
            match owner {
                _ if self.has(Flaw::ReleaseDoesNothing) => false,
                Some(Some(owner)) => owner == claim.token || self.has(Flaw::ReleasesForAnybody),
                Some(None) => self.has(Flaw::ReleaseReopens),
                None => false,
            }
        };
        let write = |memory: &mut Memory, releases: &bool| {
            if *releases {
                memory.records.remove(&self.key(claim));
            }
            if *releases && self.has(Flaw::ReleaseDropsReplays) {
                memory.replays.retain(|_, replay| replay.id != claim.id);
            }
        };
        self.step(Flaw::ReleaseInTwoSteps, look, write).await.map(|_| ())
    }

    /// The future as it is; run to its end before it is returned, if so flawed.
    fn made<T: Send>(
        &self,
        eager: Flaw,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        let mut future = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        let mut answer = None;
        while self.has(eager) && answer.is_none() {
            if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
                answer = Some(outcome);
            }
        }
        async move {
            match answer {
                Some(answer) => answer,
                None => future.await,
            }
        }
    }
}

// Not `async fn`s, which do nothing before they are polled.
impl Store for Reference {
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<ClaimAnswer, StoreError>> + Send {
        self.made(Flaw::ClaimsUnpolled, self.claim_now(claim))
    }

    fn renew(&self, claim: &Claim) -> impl Future<Output = Result<Renewal, StoreError>> + Send {
        self.made(Flaw::RenewsUnpolled, self.renew_now(claim))
    }

    fn complete(
        &self,
        claim: &Claim,
    ) -> impl Future<Output = Result<Completion, StoreError>> + Send {
        self.made(Flaw::CompletesUnpolled, self.complete_now(claim))
    }

    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.made(Flaw::ReleasesUnpolled, self.release_now(claim))
    }
}
