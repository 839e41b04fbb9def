//! What the benchmarks share: deliveries that never came before, the receivers that are compared, the
//! crates and stores of others, and figures with their spread, as tables and plots of BENCHMARKS.md.

pub mod by_hand;
pub mod deliveries;
pub mod floor;
pub mod in_process;
pub mod load;
pub mod machine;
#[cfg(feature = "peers")]
pub mod peers;
#[cfg(not(feature = "peers"))]
#[path = "no_peers.rs"]
pub mod peers;
pub mod plot;
pub mod readers;
pub mod receivers;
pub mod rounds;
pub mod section;
pub mod server;
