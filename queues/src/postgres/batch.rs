use super::PostgresError;

/// How many rows one statement changes. A thousand large ones may take longer than the limit, and the
/// same statement would never succeed.
#[derive(Debug)]
pub(super) struct Batch(i64);

impl Batch {
    pub(super) fn of(most: i64) -> Self {
        Self(most)
    }

    pub(super) fn most(&self) -> i64 {
        self.0
    }

    /// Takes half as many if they were too many, and returns whether to try again.
    pub(super) fn halves_after(&mut self, error: &PostgresError) -> bool {
        let was_too_slow = matches!(error, PostgresError::TimedOut { .. });
        let halves = was_too_slow && self.0 > 1;
        if halves {
            self.0 /= 2;
        }
        halves
    }
}
