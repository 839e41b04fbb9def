//! What a message says about the entry's way so far.

use std::fmt;
use std::time::Duration;

/// The attribute of a message that the worker has sent. One attribute, because a message has at most ten.
pub(super) const STATE: &str = "webhook-state";

/// `attempts=2 vanished=0 delay=7200000`. What is absent is zero or none, and unknown words are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Attempts that have failed.
    pub(super) attempts: u32,
    /// How often a worker has vanished with an earlier copy.
    pub(super) vanished: u32,
    /// Milliseconds that remain when SQS delivers the copy, because it delays none for longer. In a FIFO
    /// queue, which delays none at all: from the time when the copy was sent.
    pub(super) delay: u64,
    /// Why it is a dead letter.
    pub(super) reason: Option<String>,
    /// The call that has replayed it.
    pub(super) replay: Option<String>,
}

impl State {
    pub(super) fn read(text: &str) -> Self {
        let mut state = Self::default();
        for (name, value) in text.split(' ').filter_map(|word| word.split_once('=')) {
            match name {
                "attempts" => state.attempts = value.parse().unwrap_or_default(),
                "vanished" => state.vanished = value.parse().unwrap_or_default(),
                "delay" => state.delay = value.parse().unwrap_or_default(),
                "reason" => state.reason = Some(value.to_owned()),
                "replay" => state.replay = Some(value.to_owned()),
                _ => {}
            }
        }
        state
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempts={} vanished={}", self.attempts, self.vanished)?;
        if self.delay > 0 {
            write!(f, " delay={}", self.delay)?;
        }
        for (name, value) in [("reason", &self.reason), ("replay", &self.replay)] {
            if let Some(value) = value {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let full = State {
            attempts: 2,
            vanished: 3,
            delay: 7_200_000,
            reason: Some("timed_out".to_owned()),
            replay: Some("1-2".to_owned()),
        };
        let text = "attempts=2 vanished=3 delay=7200000 reason=timed_out replay=1-2";
        assert_eq!(full.to_string(), text);
        for state in [full, State::default()] {
            assert_eq!(State::read(&state.to_string()), state);
        }
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let expected = State { vanished: 1, ..State::default() };
        assert_eq!(State::read("attempts=many vanished=1 later=2 odd"), expected);
        assert_eq!(State::read(""), State::default());
    }
}
