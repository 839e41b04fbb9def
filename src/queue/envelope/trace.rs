//! The trace context of the request, by the W3C's recommendation Trace Context.

use std::sync::Arc;

use super::Envelope;
use super::fields::trace;

/// The longest `tracestate`, which everyone has to pass on up to this length.
const LONGEST_STATE: usize = 512;

/// A trace context of the right form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    parent: String,
    state: Option<String>,
}

impl Trace {
    pub(super) fn new(parent: &str) -> Option<Self> {
        is_parent(parent).then(|| Self { parent: parent.to_owned(), state: None })
    }

    pub(super) fn with_state(self, state: &str) -> Option<Self> {
        let is_printable = state.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = !state.is_empty() && state.len() <= LONGEST_STATE;
        (is_printable && fits).then(|| Self { state: Some(state.to_owned()), ..self })
    }
}

/// `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, in lower case, and neither id is zero.
fn is_parent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let parts: Vec<_> = text.split('-').collect();
    let &[version, trace, parent, flags] = &parts[..] else { return false };
    let lengths = [version, trace, parent, flags].map(str::len);
    lengths == [2, 32, 16, 2]
        && version != "ff"
        && parts.iter().all(|part| is_hex(part))
        && !is_zero(trace)
        && !is_zero(parent)
}

impl Envelope {
    /// The `traceparent` of the request, which is not signed. `None` if there was none, or none of the
    /// right form.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.head.trace.as_ref().map(|trace| trace.parent.as_str())
    }

    /// The `tracestate` of the request, of at most 512 bytes. It is not signed.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.head.trace.as_ref()?.state.as_deref()
    }

    /// The same envelope with this trace context, such as that of your own span. A `traceparent` that is
    /// not of the form that the W3C defines is left out, and so is a `tracestate` that is longer than 512
    /// bytes.
    ///
    /// [`HandOver`](crate::queue::HandOver) takes the context of the request's headers.
    #[must_use]
    pub fn with_trace(mut self, traceparent: &str, tracestate: Option<&str>) -> Self {
        Arc::make_mut(&mut self.head).trace = trace(Some(traceparent), tracestate);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_trace_context_of_the_right_form_is_kept() {
        assert!(is_parent(PARENT));
        assert!(is_parent(&PARENT.replacen("00", "01", 1)));
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(!is_parent(text), "{text:?}");
        }
    }

    #[test]
    fn a_state_is_bounded() {
        let trace = || Trace::new(PARENT).expect("one");
        assert!(trace().with_state(&"x".repeat(512)).is_some());
        for state in ["", &"x".repeat(513), "a\n", "\u{e4}"] {
            assert!(trace().with_state(state).is_none(), "{state:?}");
        }
    }
}
