//! The states, and what can happen in each.

/// What could be wrong with the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A repeat of what is in flight is told 2xx.
    SuccessWhileInFlight,
    /// Whoever releases, the record goes.
    ReleaseWithoutToken,
    /// The record is completed when the delivery is claimed.
    MarkedBeforeHandling,
    /// A completion is refused when the lease has lapsed and nobody took it.
    LapsedCompletionRefused,
    /// A handler that never ends is renewed for ever.
    RenewedWithoutEnd,
    /// A completion counts although another holds the record.
    CompletionWithoutToken,
    /// The lease of a process that died stays.
    LapsesNever,
}

const DELIVERIES: usize = 2;
const HANDLERS: usize = 3;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    store_is_down: bool,
    records: [Record; DELIVERIES],
    /// Sorted, for it does not matter which is which; those that idle come first.
    handlers: [Handler; HANDLERS],
    history: [History; DELIVERIES],
}

/// One whose lease has lapsed is none. Whose it is in flight is with the handlers;
/// nobody's, if its process died or the claim's answer was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Record {
    #[default]
    None,
    InFlight,
    Completed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Handler {
    #[default]
    Idle,
    At(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    delivery: usize,
    work: Work,
    /// Its token is the record's, as far as it knows: its lease has not lapsed.
    holds: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    Running,
    /// Its process does not get to run, nor to renew.
    Stalled,
    /// It never ends by itself.
    Hung,
    Completing,
    Releasing,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct History {
    /// How often a handler succeeded; 2 is "more than once".
    handled: u8,
    /// A handler began while another was at work, or one that succeeded could not record
    /// it, for it died or another held the record: then a second run has a cause.
    may_be_double: bool,
}

/// What can happen in a state, and the promises it breaks.
pub struct Step {
    pub state: State,
    /// A misfortune, on which nobody may count to get on.
    pub is_crash: bool,
    pub broken: Vec<&'static str>,
}

impl State {
    pub fn all_handled(&self) -> bool {
        self.history.iter().all(|history| history.handled > 0)
    }

    pub fn steps(&self, fault: Option<Fault>) -> Vec<Step> {
        let mut steps = Steps { from: *self, fault, found: Vec::new() };
        steps.push(|state| state.store_is_down = !state.store_is_down);
        for delivery in 0..DELIVERIES {
            steps.deliver(delivery);
            steps.lapse(delivery);
        }
        for (handler, at) in self.at_work() {
            steps.work(handler, at);
        }
        steps.found
    }

    fn at_work(&self) -> Vec<(usize, Place)> {
        let at = |(number, handler): (usize, &Handler)| match *handler {
            Handler::At(place) => Some((number, place)),
            Handler::Idle => None,
        };
        self.handlers.iter().enumerate().filter_map(at).collect()
    }

    /// Promises about a state; those about a step are with the step.
    fn broken(&self) -> Vec<&'static str> {
        let mut broken = Vec::new();
        if self.history.iter().any(|history| history.handled > 1 && !history.may_be_double) {
            broken.push("no second run without a cause");
        }
        for delivery in 0..DELIVERIES {
            let holds = |(_, at): &(_, Place)| at.delivery == delivery && at.holds;
            let holders = self.at_work().iter().filter(|handler| holds(handler)).count();
            let in_flight = usize::from(self.records[delivery] == Record::InFlight);
            if holders > in_flight {
                broken.push("who holds a lease holds the record");
            }
        }
        broken
    }
}

struct Steps {
    from: State,
    fault: Option<Fault>,
    found: Vec<Step>,
}

impl Steps {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn push(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.from;
        change(&mut state);
        state.handlers.sort_unstable();
        self.found.push(Step { state, is_crash: false, broken: state.broken() });
    }

    fn breaks(&mut self, promise: &'static str) {
        self.found.push(Step { state: self.from, is_crash: false, broken: vec![promise] });
    }

    /// The sender's first try, or any later one.
    fn deliver(&mut self, delivery: usize) {
        match self.from.records[delivery] {
            _ if self.from.store_is_down => {} // 503
            Record::None => self.claim(delivery),
            Record::InFlight if !self.has(Fault::SuccessWhileInFlight) => {} // 409
            Record::InFlight | Record::Completed => {
                if self.from.history[delivery].handled == 0 {
                    self.breaks("no 2xx without a handler that is done");
                }
            }
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
    fn lapse(&mut self, delivery: usize) {
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

    fn work(&mut self, handler: usize, at: Place) {
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
            Record::Completed => false,
        };
        let after = if counts { Record::Completed } else { record };
        let has_a_rival = counts
            && self.from.at_work().iter().any(|(other, place)| {
                *other != handler && place.delivery == at.delivery && place.holds
            });
        let refused = record == Record::InFlight && !counts;
        self.settle(handler, at, after, refused);
        if has_a_rival {
            self.breaks("who completes has no rival");
        }
    }

    fn release(&mut self, handler: usize, at: Place) {
        let record = self.from.records[at.delivery];
        let is_its_own = at.holds || self.has(Fault::ReleaseWithoutToken);
        let goes = record == Record::InFlight && is_its_own;
        self.settle(handler, at, if goes { Record::None } else { record }, false);
    }

    /// It takes effect, and its answer arrives; or that is lost, and it is tried again.
    fn settle(&mut self, handler: usize, at: Place, after: Record, double: bool) {
        for then in [Handler::Idle, Handler::At(Place { holds: false, ..at })] {
            self.push(|state| {
                state.records[at.delivery] = after;
                state.history[at.delivery].may_be_double |= double;
                state.handlers[handler] = then;
            });
        }
    }
}
