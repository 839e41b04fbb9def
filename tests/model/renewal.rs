//! The timing of renewals, in ticks of a sixtieth of the lease: whenever a silence of the
//! store begins, and however long the store takes for its answers beside.

use std::collections::HashSet;

const LEASE: u8 = 60;
/// Just under half a lease.
const SILENCE: u8 = 29;
/// From the claim to the first renewal, at most: a response deadline of a third of a lease.
const FIRST: u8 = 20;

/// How renewals are timed.
#[derive(Debug, Clone, Copy)]
struct Timing {
    every: u8,
    patience: u8,
    pause: u8,
}

const AS_BUILT: Timing = Timing { every: 12, patience: 3, pause: 1 };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    /// Reckoned from when the last renewal that was answered was sent.
    lease_left: u8,
    renewer: Renewer,
    silence: Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Renewer {
    Waits(u8),
    /// Asked so long ago; `swallowed` if the store was silent meanwhile.
    Asked {
        ago: u8,
        swallowed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Silence {
    ToCome,
    Lasts(u8),
    Over,
}

impl State {
    const FIRST: Self =
        Self { lease_left: LEASE, renewer: Renewer::Waits(FIRST), silence: Silence::ToCome };

    /// What can be one tick later.
    fn next(self, timing: Timing) -> Vec<Self> {
        let silences = match self.silence {
            Silence::ToCome => vec![Silence::ToCome, Silence::Lasts(SILENCE)],
            Silence::Lasts(1) | Silence::Over => vec![Silence::Over],
            Silence::Lasts(left) => vec![Silence::Lasts(left - 1)],
        };
        silences.into_iter().flat_map(|silence| self.in_silence(silence, timing)).collect()
    }

    fn in_silence(self, silence: Silence, timing: Timing) -> Vec<Self> {
        let silent = matches!(silence, Silence::Lasts(_));
        let lease_left = self.lease_left.saturating_sub(1);
        let waits = |renewer| Self { lease_left, renewer, silence };
        match self.renewer {
            Renewer::Waits(0) => vec![waits(Renewer::Asked { ago: 0, swallowed: silent })],
            Renewer::Waits(left) => vec![waits(Renewer::Waits(left - 1))],
            Renewer::Asked { ago, swallowed } => {
                let (ago, swallowed) = (ago + 1, swallowed || silent);
                let answered = Self {
                    lease_left: LEASE - ago,
                    renewer: Renewer::Waits(timing.every),
                    silence,
                };
                let asks_on = waits(Renewer::Asked { ago, swallowed });
                match (swallowed, ago >= timing.patience) {
                    (true, true) => vec![waits(Renewer::Waits(timing.pause))],
                    (true, false) => vec![asks_on],
                    (false, true) => vec![answered],
                    (false, false) => vec![answered, asks_on],
                }
            }
        }
    }
}

/// All states that can come about, and whether the lease holds in each.
fn explore(timing: Timing) -> (usize, bool) {
    let (mut seen, mut open) = (HashSet::from([State::FIRST]), vec![State::FIRST]);
    while let Some(state) = open.pop() {
        open.extend(state.next(timing).into_iter().filter(|next| seen.insert(*next)));
    }
    (seen.len(), seen.iter().all(|state| state.lease_left > 0))
}

#[test]
fn a_silence_of_half_a_lease_costs_no_lease() {
    let (states, holds) = explore(AS_BUILT);
    println!("{states} states");
    assert!(holds);
    assert_eq!(states, 1957, "all that can happen");
}

#[test]
fn other_timings_lose_it() {
    for timing in [
        // Once in a third of the lease, and no sooner after a failure.
        Timing { every: 20, patience: 4, pause: 20 },
        Timing { pause: 6, ..AS_BUILT },
        Timing { patience: 5, ..AS_BUILT },
        Timing { every: 25, ..AS_BUILT },
    ] {
        assert!(!explore(timing).1, "{timing:?}");
    }
}
