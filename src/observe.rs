//! What happens to a request, as operators see it: counters and log lines.

mod incident;
pub(crate) mod log;

pub use incident::Incident;
pub(crate) use incident::Incidents;
