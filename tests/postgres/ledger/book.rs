use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::support::Server;

/// Whose effects are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A delivery that the handler completes in its own transaction.
    Commit,
    /// A delivery that the layer completes after the handler's transaction.
    Control,
    /// An event of a batch, completed in a transaction of its own.
    Event,
}

/// What was acknowledged with a 2xx, and how many late owners were fenced off.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    acknowledged: Vec<(Kind, String)>,
    fenced: u64,
    answers: HashMap<String, u64>,
}

/// The effects that the database has of all that was acknowledged.
pub struct Balance {
    pub fenced: u64,
    effects: Vec<(Kind, String, i64)>,
    answers: Vec<(String, u64)>,
}

impl Book {
    pub fn acknowledged(&self, kind: Kind, id: String) {
        self.0.lock().expect("no panic while locked").acknowledged.push((kind, id));
    }

    pub fn fenced(&self) {
        self.0.lock().expect("no panic while locked").fenced += 1;
    }

    pub fn answered(&self, answer: &str) {
        let mut pages = self.0.lock().expect("no panic while locked");
        *pages.answers.entry(answer.to_owned()).or_default() += 1;
    }

    pub async fn balance(&self, server: &Server) -> Balance {
        let client = server.client().await;
        let query = "SELECT id, count(*) FROM effects GROUP BY id";
        let rows = client.query(query, &[]).await.expect("a table");
        let counts: HashMap<String, i64> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let pages = self.0.lock().expect("no panic while locked");
        let mut effects: Vec<_> = pages
            .acknowledged
            .iter()
            .map(|(kind, id)| (*kind, id.clone(), counts.get(id).copied().unwrap_or_default()))
            .collect();
        // An event is acknowledged with each of its batches.
        effects.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
        effects.dedup_by(|(_, one, _), (_, other, _)| one == other);
        let mut answers: Vec<_> = pages.answers.clone().into_iter().collect();
        answers.sort();
        Balance { fenced: pages.fenced, effects, answers }
    }
}

impl Balance {
    /// Effects that are not there exactly once.
    pub fn wrong(&self, kind: Kind) -> Vec<(&str, i64)> {
        self.those(kind, |count| count != 1)
    }

    /// Acknowledged without an effect.
    pub fn lost(&self, kind: Kind) -> Vec<(&str, i64)> {
        self.those(kind, |count| count == 0)
    }

    fn those(&self, kind: Kind, is: impl Fn(i64) -> bool) -> Vec<(&str, i64)> {
        let effects = self.effects.iter().filter(|(of, _, count)| *of == kind && is(*count));
        effects.map(|(_, id, count)| (id.as_str(), *count)).collect()
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in [Kind::Commit, Kind::Event, Kind::Control] {
            let all = self.those(kind, |_| true).len();
            let (lost, doubled) = (self.lost(kind).len(), self.those(kind, |n| n > 1).len());
            writeln!(f, "{kind:?}: {all} acknowledged, {lost} lost, {doubled} more than once")?;
        }
        write!(f, "{} late owners fenced off; answers {:?}", self.fenced, self.answers)
    }
}
