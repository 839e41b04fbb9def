//! `Debug` of errors.

/// Implements `Debug` of an error as its `Display`.
///
/// An error of the configuration reaches a person through the `Result` of `main` or through `expect`, and
/// both print `Debug`.
macro_rules! debug_is_display {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use debug_is_display;
