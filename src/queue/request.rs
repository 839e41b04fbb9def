//! What the hand-over takes from a request, in any framework.

use std::fmt;

use super::envelope::signed_headers;
use crate::dedupe::Claimed;
use crate::{Delivery, Rejection};

/// The delivery of a request, as [`HandOver`](super::HandOver) takes it: the extractor of its handler in
/// axum and actix-web.
///
/// Without [`VerifyLayer`](crate::VerifyLayer) and [`DedupeLayer`](crate::DedupeLayer) above the handler,
/// the response is 500 with a text that says what is missing.
pub struct HandOverRequest {
    pub(super) delivery: Delivery,
    pub(super) claimed: Claimed,
    /// `traceparent` and `tracestate`.
    pub(super) trace: Option<(String, Option<String>)>,
    pub(super) signature: Option<Vec<(String, String)>>,
}

impl HandOverRequest {
    /// `lines_of` returns the values of all lines of a header.
    pub(crate) fn new<'a, L: IntoIterator<Item = &'a [u8]>>(
        delivery: Delivery,
        claimed: Option<&Claimed>,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<Self, Rejection> {
        let claimed = claimed.cloned().ok_or(Rejection::MissingDedupeLayer)?;
        let parent = lines(lines_of("traceparent"));
        let trace = parent.map(|parent| (parent, lines(lines_of("tracestate"))));
        let signature = signed_headers(&delivery, lines_of);
        Ok(Self { delivery, claimed, trace, signature })
    }
}

/// Shows neither the signature nor the trace context.
impl fmt::Debug for HandOverRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOverRequest").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// The lines of a header, which may be split between its commas.
fn lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let lines: Vec<_> = lines.into_iter().map(str::from_utf8).collect::<Result<_, _>>().ok()?;
    (!lines.is_empty()).then(|| lines.join(","))
}
