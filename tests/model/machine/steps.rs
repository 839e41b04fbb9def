//! What can happen in a state: the rules.

use super::{Fault, Handler, History, Place, Record, State, Step, Work};

pub(super) struct Steps {
    from: State,
    fault: Option<Fault>,
    found: Vec<Step>,
}

impl Steps {
    pub(super) fn from(from: State, fault: Option<Fault>) -> Self {
        Self { from, fault, found: Vec::new() }
    }

    pub(super) fn found(self) -> Vec<Step> {
        self.found
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn push(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.from;
        change(&mut state);
        state.handlers.sort_unstable();
        self.found.push(Step { state, is_crash: false, broken: state.broken() });
    }

    fn breaks(&mut self, promise: &'static str) {
        self.found.push(Step { state: self.from, is_crash: false, broken: vec![promise] });
    }

    /// The sender's first try, or any later one.
    pub(super) fn deliver(&mut self) {
        match self.from.record {
            _ if self.from.store_is_down => {} // 503
            Record::None => self.claim(),
            Record::InFlight if !self.has(Fault::SuccessWhileInFlight) => {} // 409
            Record::InFlight | Record::Completed => self.succeeds(),
        }
    }

    fn succeeds(&mut self) {
        if self.from.history.handled == 0 {
            self.breaks("no 2xx without a handler that is done");
        }
    }

    fn claim(&mut self) {
        let marked_first = self.has(Fault::MarkedBeforeHandling);
        let record = if marked_first { Record::Completed } else { Record::InFlight };
        // The claim's answer is lost: 503, and nobody runs.
        self.push(|state| state.record = record);
        if self.from.handlers[0] == Handler::Idle {
            // One that has not started will not: its lease has expired, or it would hold the
            // record.
            let no_rival = [Work::Claimed, Work::Releasing];
            let mut others = self.from.at_work().into_iter();
            let double = others.any(|(_, at)| !no_rival.contains(&at.work));
            self.push(|state| {
                state.history.may_be_double |= double;
                state.record = record;
                let work = Work::Claimed;
                state.handlers[0] = Handler::At(Place { work, holds: !marked_first });
            });
        }
    }

    /// Of a process that died, or does not get to renew: it stalls, or it is cut off from
    /// the store for too long.
    pub(super) fn expire(&mut self) {
        if self.from.record != Record::InFlight {
            return;
        }
        let holds = |(_, at): &(_, Place)| at.holds;
        let owner = self.from.at_work().into_iter().find(holds);
        let expires = match owner {
            None => !self.has(Fault::ExpiresNever),
            Some((_, at)) => {
                self.from.store_is_down || !matches!(at.work, Work::Running | Work::Hung)
            }
        };
        if expires {
            self.push(|state| {
                state.record = Record::None;
                if let Some((handler, at)) = owner {
                    state.handlers[handler] = Handler::At(Place { holds: false, ..at });
                }
            });
        }
    }

    pub(super) fn work(&mut self, handler: usize, at: Place) {
        let goes_on = |work| {
            move |state: &mut State| {
                state.handlers[handler] = Handler::At(Place { work, ..at });
            }
        };
        self.crash(handler, at);
        match at.work {
            // A lease that has expired may be another's: 503, and the claim is given back.
            Work::Claimed if at.holds || self.has(Fault::LateAnswerTrusted) => {
                self.push(goes_on(Work::Running));
            }
            Work::Claimed => self.push(goes_on(Work::Releasing)),
            Work::Running => {
                let counted = self.counts_loss(at);
                self.push(|state| {
                    let history = &mut state.history;
                    history.handled = (history.handled + 1).min(2);
                    history.loss_counted |= counted;
                    goes_on(Work::Completing)(state);
                });
                for work in [Work::Releasing, Work::Stalled, Work::Hung] {
                    self.push(goes_on(work));
                }
                // And at the deadline: 503.
                if self.has(Fault::SuccessAtTheDeadline) {
                    self.succeeds();
                }
            }
            Work::Stalled => self.push(goes_on(Work::Running)),
            // Dropped after its longest run.
            Work::Hung if !self.has(Fault::RenewedWithoutEnd) => {
                self.push(goes_on(Work::Releasing));
            }
            Work::Completing if !self.from.store_is_down => self.complete(handler, at),
            Work::Releasing if !self.from.store_is_down => self.release(handler, at),
            Work::Hung | Work::Completing | Work::Releasing => {}
        }
    }

    /// Whether the attempt notices at its end that its lease may have expired before.
    fn counts_loss(&self, at: Place) -> bool {
        !at.holds && !self.has(Fault::LossUncounted)
    }

    fn crash(&mut self, handler: usize, at: Place) {
        self.push(|state| {
            state.handlers[handler] = Handler::Idle;
            // What it has done is not recorded, or not known to be.
            state.history.may_be_double |= at.work == Work::Completing;
            state.history.died |= at.work == Work::Completing;
        });
        if let Some(step) = self.found.last_mut() {
            step.is_crash = true;
        }
    }

    fn complete(&mut self, handler: usize, at: Place) {
        let record = self.from.record;
        let counts = match record {
            Record::InFlight => at.holds || self.has(Fault::CompletionWithoutToken),
            Record::None => !self.has(Fault::ExpiredCompletionRefused),
            Record::Completed => self.has(Fault::CompletionOfWhatIsCompleted),
        };
        let after = if counts { Record::Completed } else { record };
        let has_a_rival = counts
            && self.from.at_work().iter().any(|(other, place)| *other != handler && place.holds);
        let refused = record == Record::InFlight && !counts;
        let loss_counted = refused || self.counts_loss(at);
        self.settle(handler, at, after, |history| {
            history.completions = (history.completions + u8::from(counts)).min(2);
            history.may_be_double |= refused;
            history.loss_counted |= loss_counted;
        });
        if has_a_rival {
            self.breaks("who completes has no rival");
        }
    }

    fn release(&mut self, handler: usize, at: Place) {
        let record = self.from.record;
        let is_its_own = at.holds || self.has(Fault::ReleaseWithoutToken);
        let goes = record == Record::InFlight && is_its_own;
        self.settle(handler, at, if goes { Record::None } else { record }, |_| {});
    }

    /// It takes effect, and its answer arrives; or that is lost, and it is tried again.
    fn settle(&mut self, handler: usize, at: Place, after: Record, tell: impl Fn(&mut History)) {
        for then in [Handler::Idle, Handler::At(Place { holds: false, ..at })] {
            self.push(|state| {
                state.record = after;
                tell(&mut state.history);
                state.handlers[handler] = then;
            });
        }
    }
}
