//! The layer for senders that sign nothing.

mod builder;
mod checks;
mod layer;

pub use builder::TokenLayerBuilder;
pub use layer::TokenLayer;
