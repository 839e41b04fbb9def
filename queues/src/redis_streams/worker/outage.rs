use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// An outage of the store of `Once`, as the worker sees it.
#[derive(Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether an entry was refused since the last pause.
    is_refused: bool,
    /// Pauses since an entry was last not refused.
    pauses: u32,
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

impl Outage {
    /// Records how an entry ended.
    pub(super) fn ended(&self, is_refused: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_refused = is_refused;
        if !is_refused {
            state.pauses = 0;
        }
    }

    /// Returns how long to take no entries, if one was refused since the last call. Doubles each time.
    pub(super) fn pause(&self) -> Option<Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut state.is_refused) {
            return None;
        }
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(state.pauses));
        state.pauses = state.pauses.saturating_add(1);
        Some(pause.min(LONGEST))
    }

    /// Whether an entry was not refused since the last pause.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pauses == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_an_entry_is_not_refused() {
        let outage = Outage::default();
        assert_eq!((outage.pause(), outage.is_over()), (None, true));
        for millis in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            outage.ended(true);
            outage.ended(true);
            assert_eq!(outage.pause(), Some(Duration::from_millis(millis)));
            assert_eq!((outage.pause(), outage.is_over()), (None, false));
        }
        outage.ended(false);
        assert_eq!((outage.pause(), outage.is_over()), (None, true));
    }
}
