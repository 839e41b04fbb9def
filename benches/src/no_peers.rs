//! Stands for `peers` in a build without that feature: nobody to compare with.

use crate::rounds::Contestant;

#[must_use]
pub fn verification(_: &[u8]) -> Vec<Contestant<'static>> {
    Vec::new()
}

pub type Insert = Box<dyn Fn(&str) -> bool + Send + Sync>;

pub struct Store {
    pub name: &'static str,
    pub make: fn(usize) -> Insert,
}

pub const STORES: [Store; 0] = [];
