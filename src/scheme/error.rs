crate::text::debug_is_display!(SchemeError);

/// Why a scheme cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// The name of a header is not one, or is not in lower case.
    #[error("{0:?} is no name of a header in lower case, such as \"x-signature\"")]
    HeaderName(&'static str),
    /// Two of the scheme's headers have the same name.
    #[error("the scheme uses the header {0:?} for two things: give each its own header")]
    SameHeader(&'static str),
    /// The text between the signed time and the body is empty or begins with a digit, or the text
    /// around a signed id and time contains one. Bytes could then be moved from one to the other and
    /// the signature would still match.
    #[error(
        "with {0:?} between the time and the body, bytes could be moved from one to the other under \
         the same signature: use a separator without digits, such as \".\", or do not sign with this \
         scheme"
    )]
    Separator(&'static str),
    /// The name of an item or version is empty, or contains a comma, an equals sign or a blank.
    #[error(
        "{0:?} cannot name an item of a signature header: use letters and digits, such as \"v1\""
    )]
    ItemName(&'static str),
    /// The time is an item of a signature header that has no items.
    #[error(
        "the time is an item of the signature header, but that header has no items: use `items`"
    )]
    NoItems,
    /// A field of the body has an empty name.
    #[error(
        "{0:?} is no path to a field of the body: give names between full stops, such as \"data.id\""
    )]
    BodyField(&'static str),
    /// Two ids are named: one that the signature covers, and a header that it does not cover.
    #[error(
        "the signature covers an id, and {0:?} names another that it does not cover: leave the \
         unsigned one out"
    )]
    TwoIds(&'static str),
    /// The sender's timeout is shorter than a second, so no handler could respond in time.
    #[error("the sender waits less than a second: set a timeout of a second or more in the terms")]
    Timeout,
}
