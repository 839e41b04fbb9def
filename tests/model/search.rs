//! Every state that can be reached, and from each the way to where all is done.

use std::collections::{BTreeSet, HashMap};

use crate::machine::{Fault, State};

/// What was found in all states.
pub struct Findings {
    pub states: usize,
    /// The promises that are not kept.
    pub broken: BTreeSet<&'static str>,
}

/// Looks at all states. (Forwards for what must never be; backwards for what must always
/// remain possible.)
pub fn explore(fault: Option<Fault>) -> Findings {
    let mut numbers = HashMap::from([(State::default(), 0_u32)]);
    let mut states = vec![State::default()];
    let mut ways = Vec::new();
    let mut broken = BTreeSet::new();
    let mut next = 0;
    while next < states.len() {
        let from = u32::try_from(next).expect("few enough");
        for step in states[next].steps(fault) {
            if !step.broken.is_empty() {
                broken.extend(step.broken);
                continue; // What follows from it says no more.
            }
            let number = *numbers.entry(step.state).or_insert_with(|| {
                states.push(step.state);
                u32::try_from(states.len() - 1).expect("few enough")
            });
            if !step.is_crash {
                ways.push((number, from));
            }
        }
        next += 1;
    }
    if !all_can_end(&states, ways) {
        broken.insert("handled in the end, as long as retries go on");
    }
    Findings { states: states.len(), broken }
}

/// Whether from every state there is a way to one in which each delivery is handled.
fn all_can_end(states: &[State], mut ways: Vec<(u32, u32)>) -> bool {
    ways.sort_unstable();
    let mut can_end: Vec<bool> = states.iter().map(State::all_handled).collect();
    let mut open: Vec<u32> = (0..).zip(&can_end).filter(|(_, end)| **end).map(|(n, _)| n).collect();
    while let Some(to) = open.pop() {
        let first = ways.partition_point(|way| way.0 < to);
        for &(_, from) in ways[first..].iter().take_while(|way| way.0 == to) {
            if !std::mem::replace(&mut can_end[from as usize], true) {
                open.push(from);
            }
        }
    }
    can_end.into_iter().all(|it| it)
}
