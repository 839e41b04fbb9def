//! What the benchmarks share: deliveries that never came before, the receivers that are compared, the
//! crates and stores of others, and figures with their spread, as tables and plots of BENCHMARKS.md.

pub mod by_hand;
pub mod deliveries;
pub mod floor;
#[cfg(feature = "all")]
pub mod in_process;
#[cfg(feature = "all")]
pub mod load;
pub mod machine;
#[cfg(feature = "peers")]
pub mod peers;
#[cfg(not(feature = "peers"))]
#[path = "no_peers.rs"]
pub mod peers;
#[cfg(feature = "all")]
pub mod plot;
pub mod readers;
pub mod receivers;
pub mod rounds;
pub mod section;
#[cfg(feature = "all")]
pub mod server;
