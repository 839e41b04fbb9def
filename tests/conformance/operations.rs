//! The four operations of the reference store.

use std::future::ready;
use std::task::{Context, Poll, Waker};

use nevent_webhooks::Store;
use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, Renewal, StoreError, StoreFuture};

use crate::flaws::Flaw;
use crate::reference::{Memory, Record, Reference};

impl Reference {
    fn claims(&self, memory: &Memory, claim: &Claim) -> ClaimAnswer {
        let bound = self.bound_elsewhere(memory, claim);
        let record = self.live(memory, claim);
        match (bound, record) {
            (Some(first), None) => ClaimAnswer::ReplayOf(first),
            (Some(first), _) if !self.has(Flaw::RecordsFirst) => ClaimAnswer::ReplayOf(first),
            (_, Some(record)) => self.stands(record, claim),
            (None, None) => ClaimAnswer::Acquired,
        }
    }

    fn stands(&self, record: &Record, claim: &Claim) -> ClaimAnswer {
        let own = record.owner == Some(claim.token) && !self.has(Flaw::RepeatRefused);
        let same_body = record.body == self.body(claim);
        if own && (same_body || self.has(Flaw::OwnersReuse)) {
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
        let taken_over = *answer == ClaimAnswer::Conflict && self.has(Flaw::ReuseTakesOver);
        if *answer == ClaimAnswer::Acquired || taken_over {
            let standing = self.live(memory, claim).map(|record| record.until);
            let mut record = self.in_flight(claim);
            if let (Some(until), true) = (standing, self.has(Flaw::RepeatKeepsLease)) {
                record.until = until;
            }
            memory.records.insert(self.key(claim), record);
        }
        let binds = match answer {
            _ if self.has(Flaw::BindsNothing) => false,
            ClaimAnswer::Acquired => true,
            ClaimAnswer::InFlight { .. } => !self.has(Flaw::InFlightBindsNothing),
            ClaimAnswer::Completed => !self.has(Flaw::CompletedBindsNothing),
            ClaimAnswer::ReplayOf(_) => self.has(Flaw::BoundToBinds),
            ClaimAnswer::Conflict => self.has(Flaw::ReuseBinds),
        };
        if binds {
            self.bind(memory, claim);
        }
    }

    async fn claim_now(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let look = |memory: &Memory| self.claims(memory, claim);
        let write = |memory: &mut Memory, answer: &ClaimAnswer| self.claimed(memory, claim, answer);
        if self.has(Flaw::BindingsApart) {
            // The record alone is taken in one step; bindings in one before.
            let bound = |memory: &Memory| self.bound_elsewhere(memory, claim);
            if let Some(first) = self.step(Flaw::BindingsApart, bound, |_, _| ()).await? {
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
            let late = self.has(Flaw::RenewsAfterLapse);
            let lapsed = memory.records.get(&self.key(claim)).filter(|_| late);
            let owner = self.live(memory, claim).or(lapsed).and_then(|record| record.owner);
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
            let lapsed = record.is_none() && memory.records.contains_key(&self.key(claim));
            if lapsed && self.has(Flaw::CompletionNeedsLease) {
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
            let done = self.live(memory, claim).is_some_and(|record| record.owner.is_none());
            if *completion == Completion::Recorded && (!done || self.has(Flaw::CompletionProlongs))
            {
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
            if *releases && self.has(Flaw::ReleaseUnbinds) {
                memory.bindings.retain(|_, binding| binding.id != claim.id);
            }
        };
        self.step(Flaw::ReleaseInTwoSteps, look, write).await.map(|_| ())
    }

    /// The future as it is; run to its end before it is handed out, if so flawed.
    fn made<'a, T: Send + 'a>(
        &self,
        eager: Flaw,
        future: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let mut future: StoreFuture<'a, T> = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        while self.has(eager) {
            if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
                return Box::pin(ready(outcome));
            }
        }
        future
    }
}

impl Store for Reference {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        self.made(Flaw::ClaimsUnpolled, self.claim_now(claim))
    }

    fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal> {
        self.made(Flaw::RenewsUnpolled, self.renew_now(claim))
    }

    fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion> {
        self.made(Flaw::CompletesUnpolled, self.complete_now(claim))
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        self.made(Flaw::ReleasesUnpolled, self.release_now(claim))
    }
}
