//! Contestants that take turns, so that a slow moment of the machine strikes all of them.

use std::fmt;
use std::time::Instant;

/// One way to do the same work: its name, and a function that does the work this many times.
pub struct Contestant<'a> {
    pub name: &'a str,
    pub run: Box<dyn FnMut(u32) + 'a>,
}

impl<'a> Contestant<'a> {
    pub fn new(name: &'a str, run: impl FnMut(u32) + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// The median of several rounds, and the quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Figure {
    /// # Panics
    ///
    /// If there is no figure.
    #[must_use]
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |quarter: usize| figures[(figures.len() - 1) * quarter / 4];
        Self { median: at(2), low: at(1), high: at(3) }
    }
}

/// `median (first quartile – third quartile)`, with the precision that was asked for.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ({:.digits$} – {:.digits$})", self.median, self.low, self.high)
    }
}

/// A contestant's time for one piece of work, and its ratio to the first contestant's time in the
/// same round.
pub struct Result<'a> {
    pub name: &'a str,
    pub nanos: Figure,
    pub ratio: Figure,
}

/// Lets the contestants do their work in turn, for this many rounds. The first is the yardstick. A
/// round of warming up is not counted.
pub fn compare<'a>(
    rounds: usize,
    times: u32,
    contestants: &mut [Contestant<'a>],
) -> Vec<Result<'a>> {
    let mut nanos = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        // Each round begins with another contestant: none always runs after the same one.
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let begun = Instant::now();
            (contestants[index].run)(times);
            let each = begun.elapsed().as_secs_f64() * 1e9 / f64::from(times);
            if round > 0 {
                nanos[index].push(each);
            }
        }
    }
    let ratios = |of: &[f64]| of.iter().zip(&nanos[0]).map(|(own, first)| own / first).collect();
    let results = contestants.iter().zip(&nanos).map(|(contestant, own)| Result {
        name: contestant.name,
        nanos: Figure::of(own.clone()),
        ratio: Figure::of(ratios(own)),
    });
    results.collect()
}
