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
    pub(super) fn deliver(&mut self, delivery: usize) {
        match self.from.records[delivery] {
            _ if self.from.store_is_down => {} // 503
            Record::None => self.claim(delivery),
            Record::InFlight if !self.has(Fault::SuccessWhileInFlight) => {} // 409
            Record::InFlight | Record::Completed => self.succeeds(delivery),
        }
    }

    fn succeeds(&mut self, delivery: usize) {
        if self.from.history[delivery].handled == 0 {
            self.breaks("no 2xx without a handler that is done");
        }
    }

    fn claim(&mut self, delivery: usize) {
        let marked_first = self.has(Fault::MarkedBeforeHandling);
        let record = if marked_first { Record::Completed } else { Record::InFlight };
        // The claim's answer is lost: 503, and nobody runs.
        self.push(|state| state.records[delivery] = record);
        if self.from.handlers[0] == Handler::Idle {
            let mut others = self.from.at_work().into_iter();
            let double =
                others.any(|(_, at)| at.delivery == delivery && at.work != Work::Releasing);
            self.push(|state| {
                state.history[delivery].may_be_double |= double;
                state.records[delivery] = record;
                let work = Work::Running;
                state.handlers[0] = Handler::At(Place { delivery, work, holds: !marked_first });
            });
        }
    }

    /// Of a process that died, or does not get to renew.
    pub(super) fn lapse(&mut self, delivery: usize) {
        if self.from.records[delivery] != Record::InFlight {
            return;
        }
        let holds = |(_, at): &(_, Place)| at.delivery == delivery && at.holds;
        let owner = self.from.at_work().into_iter().find(holds);
        let lapses = match owner {
            None => !self.has(Fault::LapsesNever),
            Some((_, at)) => !matches!(at.work, Work::Running | Work::Hung),
        };
        if lapses {
            self.push(|state| {
                state.records[delivery] = Record::None;
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
            Work::Running => {
                self.push(|state| {
                    let history = &mut state.history[at.delivery];
                    history.handled = (history.handled + 1).min(2);
                    goes_on(Work::Completing)(state);
                });
                for work in [Work::Releasing, Work::Stalled, Work::Hung] {
                    self.push(goes_on(work));
                }
                // And at the deadline: 503.
                if self.has(Fault::SuccessAtTheDeadline) {
                    self.succeeds(at.delivery);
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

    fn crash(&mut self, handler: usize, at: Place) {
        self.push(|state| {
            state.handlers[handler] = Handler::Idle;
            // What it has done is not recorded, or not known to be.
            state.history[at.delivery].may_be_double |= at.work == Work::Completing;
        });
        if let Some(step) = self.found.last_mut() {
            step.is_crash = true;
        }
    }

    fn complete(&mut self, handler: usize, at: Place) {
        let record = self.from.records[at.delivery];
        let counts = match record {
            Record::InFlight => at.holds || self.has(Fault::CompletionWithoutToken),
            Record::None => !self.has(Fault::LapsedCompletionRefused),
            Record::Completed => self.has(Fault::CompletionOfWhatIsCompleted),
        };
        let after = if counts { Record::Completed } else { record };
        let has_a_rival = counts
            && self.from.at_work().iter().any(|(other, place)| {
                *other != handler && place.delivery == at.delivery && place.holds
            });
        let refused = record == Record::InFlight && !counts;
        self.settle(handler, at, after, |history| {
            history.completions = (history.completions + u8::from(counts)).min(2);
            history.may_be_double |= refused;
        });
        if has_a_rival {
            self.breaks("who completes has no rival");
        }
    }

    fn release(&mut self, handler: usize, at: Place) {
        let record = self.from.records[at.delivery];
        let is_its_own = at.holds || self.has(Fault::ReleaseWithoutToken);
        let goes = record == Record::InFlight && is_its_own;
        self.settle(handler, at, if goes { Record::None } else { record }, |_| {});
    }

    /// It takes effect, and its answer arrives; or that is lost, and it is tried again.
    fn settle(&mut self, handler: usize, at: Place, after: Record, tell: impl Fn(&mut History)) {
        for then in [Handler::Idle, Handler::At(Place { holds: false, ..at })] {
            self.push(|state| {
                state.records[at.delivery] = after;
                tell(&mut state.history[at.delivery]);
                state.handlers[handler] = then;
            });
        }
    }
}
