use std::sync::OnceLock;

/// The most names in a table, unless it says otherwise.
const MOST_NAMES: usize = 32;

/// The name that stands for all names for which the table has no place.
const OTHER: &str = "other";

/// Handles by a name that is known only at run time, such as a secret's. Names are added and never
/// removed, so a look-up takes no lock.
///
/// What a program configures is bounded, but not by this crate: further names share one handle.
#[derive(Debug)]
pub(crate) struct ByName<H, const N: usize = MOST_NAMES> {
    places: [OnceLock<(Box<str>, H)>; N],
    other: OnceLock<H>,
}

impl<H, const N: usize> ByName<H, N> {
    pub(crate) const fn new() -> Self {
        Self { places: [const { OnceLock::new() }; N], other: OnceLock::new() }
    }

    /// The handle for this name, which `resolve` makes at the first time.
    pub(crate) fn get(&self, name: &str, resolve: impl Fn(&str) -> H) -> &H {
        for place in &self.places {
            // If another thread takes the place for another name, the next one is tried. A name has one
            // place: no thread passes a place that is free.
            let (taken_by, handle) = place.get_or_init(|| (name.into(), resolve(name)));
            if **taken_by == *name {
                return handle;
            }
        }
        self.other.get_or_init(|| resolve(OTHER))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn names_beyond_the_limit_share_a_handle() {
        let table = ByName::<String, 2>::new();
        let get = |name: &str| table.get(name, ToOwned::to_owned).as_str();
        let got: Vec<_> = ["a", "b", "c", "d", "b", "a"].map(get).into();
        assert_eq!(got, ["a", "b", "other", "other", "b", "a"]);
    }

    #[test]
    fn a_name_that_threads_bring_at_once_has_one_place() {
        for _ in 0..200 {
            let (table, barrier) = (ByName::<String>::new(), Barrier::new(4));
            std::thread::scope(|threads| {
                for thread in 0..4 {
                    let (table, barrier) = (&table, &barrier);
                    threads.spawn(move || {
                        barrier.wait();
                        for name in 0..8 {
                            let name = ((name + thread) % 8).to_string();
                            assert_eq!(*table.get(&name, ToOwned::to_owned), name);
                        }
                    });
                }
            });
            let taken = table.places.iter().filter_map(OnceLock::get);
            let names: Vec<_> = taken.map(|(name, _)| name.clone()).collect();
            assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (8, 8));
        }
    }
}
