//! What the feature `metrics` does, without it: nothing. The signatures are those of the real ones.
#![allow(clippy::unused_self, dead_code, unused_imports)]

use std::borrow::Cow;
use std::sync::Arc;

use crate::delivery::Scope;
use crate::observe::{LayerKind, Observer};

pub(crate) fn observer(_: LayerKind) -> Option<Arc<dyn Observer>> {
    None
}

#[derive(Debug, Default)]
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn of(_: &Scope) -> Self {
        Self
    }

    pub(crate) fn taken(&self) {}

    pub(crate) fn given_back(&self) {}
}

#[derive(Debug, Default)]
pub(crate) struct Split;

impl Split {
    pub(crate) fn set(&self) {}

    pub(crate) fn is_set(&self) -> bool {
        false
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Attempts;

impl Attempts {
    pub(crate) fn new(_: &str) -> Self {
        Self
    }

    pub(crate) fn started(&self, _: i64) {}

    pub(crate) fn ended(&self, _: &str) {}
}

#[derive(Debug, Clone)]
pub(crate) struct HandOvers;

impl HandOvers {
    pub(crate) fn new(_: Cow<'static, str>) -> Self {
        Self
    }

    pub(crate) fn measure<T, F: Future<Output = T>>(
        &self,
        _: &Scope,
        put: F,
        _: impl Fn(&T) -> &'static str,
    ) -> F {
        put
    }
}
