//! What the benchmarks share: rounds that alternate, and figures with their spread.

pub mod rounds;
