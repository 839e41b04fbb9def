use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When a line was last written, so that the next one of its kind can wait.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// In milliseconds. 0 if none was written.
    last: AtomicU64,
}

impl Pause {
    /// Whether a line may be written now: it is the first, or the last is this long ago. If so, it counts as
    /// written.
    pub(super) fn is_over(&self, pause: Duration) -> bool {
        let now = millis();
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let is_due = |last: u64| (last == 0 || now.saturating_sub(last) >= pause).then_some(now);
        self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
    }
}

/// Milliseconds since the first call, plus one, so that the result is never 0.
fn millis() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let elapsed = FIRST.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
}
