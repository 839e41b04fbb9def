//! What the benchmarks share: deliveries that never came before, the receivers that are compared, and
//! figures with their spread.

pub mod by_hand;
pub mod deliveries;
pub mod receivers;
pub mod rounds;
