//! The reason why a body broke off: a limit of an outer layer, or the connection.

use std::error::Error;
use std::io;
use std::iter::successors;

use crate::{BodyError, Rejection};

/// The rejection for a body that broke off with this error. `is_size_limit` recognises the
/// framework's own error for a body that is too long.
pub(crate) fn interrupted(
    error: impl Into<Box<dyn Error + Send + Sync>>,
    is_size_limit: fn(&(dyn Error + 'static)) -> bool,
) -> Rejection {
    let source = BodyError::new(error);
    let outermost: &(dyn Error + 'static) = &*source;
    let causes = || successors(Some(outermost), |&error| cause(error));
    if causes().any(is_size_limit) {
        Rejection::OuterBodyLimit { source }
    } else if causes().any(is_timeout) {
        Rejection::OuterBodyTimeout { source }
    } else {
        Rejection::UnreadableBody { source }
    }
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // `io::Error::source` skips the error inside it and returns the source of that error.
    match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.is::<tokio::time::error::Elapsed>()
        || error.downcast_ref().is_some_and(timed_out)
        // The text of `tower_http::timeout::TimeoutError`. That crate is too large to depend on.
        || error.to_string() == "data was not received within the designated timeout"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_size_limit(error: &(dyn Error + 'static)) -> bool {
        error.is::<std::fmt::Error>()
    }

    fn kind(error: impl Into<Box<dyn Error + Send + Sync>>) -> u16 {
        let rejection = interrupted(error, is_size_limit);
        assert!(rejection.source().is_some(), "{rejection:?}");
        rejection.status()
    }

    #[test]
    fn causes_are_found_at_any_depth() {
        assert_eq!(kind(std::fmt::Error), 413);
        assert_eq!(kind(io::Error::other(io::Error::other(std::fmt::Error))), 413);
        assert_eq!(kind(io::Error::from(io::ErrorKind::TimedOut)), 408);
        assert_eq!(kind(io::Error::other(io::Error::from(io::ErrorKind::TimedOut))), 408);
        assert_eq!(kind(io::Error::from(io::ErrorKind::ConnectionReset)), 400);
        assert_eq!(kind("broken"), 400);
    }

    #[tokio::test]
    async fn an_elapsed_timer_is_a_timeout() {
        let never = std::future::pending::<()>();
        let elapsed = tokio::time::timeout(std::time::Duration::ZERO, never).await;
        assert_eq!(kind(elapsed.expect_err("it never ends")), 408);
    }

    #[test]
    fn the_source_is_the_error_itself() {
        let rejection = interrupted(std::fmt::Error, is_size_limit);
        assert!(rejection.source().is_some_and(is_size_limit));
        assert_eq!(rejection.clone(), rejection);
    }
}
