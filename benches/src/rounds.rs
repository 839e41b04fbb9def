//! Contestants that take turns, so that a slow moment of the machine affects all of them.

use std::fmt;

use rustix::time::{ClockId, clock_gettime};

/// One way to do the same work: its name, and a function that does the work this many times.
pub struct Contestant<'a> {
    pub name: &'a str,
    /// Returns the CPU time that the work took, in nanoseconds.
    pub run: Box<dyn FnMut(u32) -> f64 + 'a>,
}

impl<'a> Contestant<'a> {
    pub fn new(name: &'a str, mut run: impl FnMut(u32) + 'a) -> Self {
        Self { name, run: Box::new(move |times| cpu_nanos(|| run(times))) }
    }

    /// A contestant whose work needs something new in each round, such as freshly signed requests.
    /// The time that `prepare` takes is not counted.
    pub fn with_input<T>(
        name: &'a str,
        mut prepare: impl FnMut(u32) -> T + 'a,
        mut run: impl FnMut(T) + 'a,
    ) -> Self {
        let run = move |times| {
            let input = prepare(times);
            cpu_nanos(|| run(input))
        };
        Self { name, run: Box::new(run) }
    }
}

/// The CPU time of this thread, in nanoseconds. Other programs lengthen the elapsed time, but hardly
/// this one.
pub fn cpu_nanos(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    let begun = now();
    work();
    u64::try_from(now() - begun).map_or(0.0, as_f64)
}

/// Nanoseconds or bytes, both far below the 2⁵³ from which on a float is not exact.
#[must_use]
#[expect(clippy::cast_precision_loss)]
pub fn as_f64(count: u64) -> f64 {
    count as f64
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
        let last = figures.len() - 1;
        Self { median: figures[last / 2], low: figures[last / 4], high: figures[last - last / 4] }
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
pub struct Timing<'a> {
    pub name: &'a str,
    pub nanos: Figure,
    pub ratio: Figure,
    /// The nanoseconds of each round.
    rounds: Vec<f64>,
}

impl Timing<'_> {
    /// This time against the other one in the same round.
    #[must_use]
    pub fn against(&self, other: &Self) -> Figure {
        self.pairs(other, |own, others| own / others)
    }

    /// The nanoseconds beyond those of the other one in the same round.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Figure {
        self.pairs(other, |own, others| own - others)
    }

    fn pairs(&self, other: &Self, relate: impl Fn(f64, f64) -> f64) -> Figure {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Figure::of(pairs.map(|(own, others)| relate(*own, *others)).collect())
    }
}

/// Lets the contestants do their work in turn, for this many rounds. The first is the yardstick. A
/// round of warming up is not counted.
pub fn compare<'a>(
    rounds: usize,
    times: u32,
    contestants: &mut [Contestant<'a>],
) -> Vec<Timing<'a>> {
    let mut nanos = vec![Vec::new(); contestants.len()];
    take_turns(rounds, contestants.len(), |index, counts| {
        let each = (contestants[index].run)(times) / f64::from(times);
        if counts {
            nanos[index].push(each);
        }
    });
    let ratios = |of: &[f64]| of.iter().zip(&nanos[0]).map(|(own, first)| own / first).collect();
    let timings = contestants.iter().zip(&nanos).map(|(contestant, own)| Timing {
        name: contestant.name,
        nanos: Figure::of(own.clone()),
        ratio: Figure::of(ratios(own)),
        rounds: own.clone(),
    });
    timings.collect()
}

/// Calls `turn` for each contestant in each round, and says whether the round counts: the first one
/// warms up.
pub fn take_turns(rounds: usize, contestants: usize, mut turn: impl FnMut(usize, bool)) {
    for round in 0..=rounds {
        for place in 0..contestants {
            turn(whose_turn(round, place, contestants), round > 0);
        }
    }
}

/// Whose turn it is at this place of this round. The order zigzags, and shifts with each round.
/// Otherwise a contestant would nearly always run after the same one, in the caches that it left.
#[must_use]
pub fn whose_turn(round: usize, place: usize, contestants: usize) -> usize {
    let shift = if place.is_multiple_of(2) { place / 2 } else { contestants - place.div_ceil(2) };
    (round + shift) % contestants
}

/// This many rounds, or three if the environment has `QUICK`, which only shows that all works.
#[must_use]
pub fn rounds(many: usize) -> usize {
    if is_quick() { 3 } else { many }
}

#[must_use]
pub fn is_quick() -> bool {
    std::env::var_os("QUICK").is_some()
}
