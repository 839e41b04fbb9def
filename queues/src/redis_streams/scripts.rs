//! Everything that must happen together is one script.

use redis::Script;

pub(super) struct Scripts {
    /// Acknowledges and deletes an entry.
    pub(super) finish: Script,
    /// Moves an entry in flight to those that wait for a retry.
    pub(super) retry: Script,
    /// Moves an entry in flight to the dead letters.
    pub(super) park: Script,
    /// Moves entries whose delay is over back to the stream.
    pub(super) due: Script,
    /// Says that entries are still in flight here.
    pub(super) keep: Script,
    /// Counts a delivery of an entry in flight here, or sets their number.
    pub(super) delivered: Script,
    /// Deletes dead letters that have expired, and members that are gone.
    pub(super) tidy: Script,
    /// Moves dead letters back to the stream.
    pub(super) replay: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            finish: Script::new(include_str!("scripts/finish.lua")),
            retry: Script::new(include_str!("scripts/retry.lua")),
            park: Script::new(include_str!("scripts/park.lua")),
            due: Script::new(include_str!("scripts/due.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
            delivered: Script::new(include_str!("scripts/delivered.lua")),
            tidy: Script::new(include_str!("scripts/tidy.lua")),
            replay: Script::new(include_str!("scripts/replay.lua")),
        }
    }
}
