//! The states, and what is promised of each.

mod steps;

use steps::Steps;

/// What could be wrong with the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A repeat of what is in flight is told 2xx.
    SuccessWhileInFlight,
    /// Whoever releases, the record goes.
    ReleaseWithoutToken,
    /// The first try is told 2xx at its deadline, while the handler goes on.
    SuccessAtTheDeadline,
    /// The record is completed when the delivery is claimed.
    MarkedBeforeHandling,
    /// A completion is refused when the lease has expired and nobody took it.
    ExpiredCompletionRefused,
    /// A handler that never ends is renewed for ever.
    RenewedWithoutEnd,
    /// A completion counts although another holds the record.
    CompletionWithoutToken,
    /// A completion counts although the record is completed.
    CompletionOfWhatIsCompleted,
    /// The lease of a process that died stays.
    ExpiresNever,
    /// A claim that was granted starts its handler, however late its answer is read.
    LateAnswerTrusted,
    /// A lease that was lost is counted only when another attempt still holds the delivery.
    LossUncounted,
}

const HANDLERS: usize = 4;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    store_is_down: bool,
    record: Record,
    /// Sorted, for it does not matter which is which; those that idle come first.
    handlers: [Handler; HANDLERS],
    history: History,
}

/// One whose lease has expired is none. Whose it is in flight is with the handlers;
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
    work: Work,
    /// Its token is the record's, as far as it knows: its lease has not expired.
    holds: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    /// The store has granted the claim, and the answer is on its way, or waits for a thread
    /// that is blocked, or for a process that is stopped.
    Claimed,
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
    /// How many completions counted; 2 is "more than one".
    completions: u8,
    /// A handler began while another was at work, or one that succeeded could not record
    /// it, for it died or another held the record: then a second run has a cause.
    may_be_double: bool,
    /// A process died between its handler's success and the record of it.
    died: bool,
    /// An attempt noticed that it may have lost its lease.
    loss_counted: bool,
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
        self.history.handled > 0
    }

    pub fn steps(&self, fault: Option<Fault>) -> Vec<Step> {
        let mut steps = Steps::from(*self, fault);
        steps.push(|state| state.store_is_down = !state.store_is_down);
        steps.deliver();
        steps.expire();
        for (handler, at) in self.at_work() {
            steps.work(handler, at);
        }
        steps.found()
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
        let history = self.history;
        if history.handled > 1 && !history.may_be_double {
            broken.push("no second run without a cause");
        }
        if history.completions > 1 {
            broken.push("no two completions that count");
        }
        let at_work = self.at_work();
        if at_work.is_empty() && history.handled > 1 && !history.died && !history.loss_counted {
            broken.push("no second run that nobody counts");
        }
        let holders = at_work.iter().filter(|(_, at)| at.holds).count();
        if holders > usize::from(self.record == Record::InFlight) {
            broken.push("who holds a lease holds the record");
        }
        broken
    }
}
