/// Why an effect of [`RedisStore::complete_with`](super::RedisStore::complete_with) was refused.
/// Nothing was executed: neither the other effects nor the completion.
///
/// The messages show keys, and no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisEffectError {
    /// The key does not have the claim's scope as its hash tag, so it may be on another node of a
    /// Cluster.
    #[error("the key {key:?} must have the scope in braces, such as {:?}", example(scope, key))]
    #[non_exhaustive]
    OtherSlot {
        /// The key.
        key: String,
        /// The claim's scope.
        scope: String,
    },
    /// The key is one that the store's records may have.
    #[error("the key {key:?} begins as the store's own records: choose another")]
    #[non_exhaustive]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// An entry of a stream has no fields.
    #[error("the entry for the stream {key:?} has no fields")]
    #[non_exhaustive]
    NoFields {
        /// The key.
        key: String,
    },
    /// The effects are more than one script can execute.
    #[error(
        "the effects have {arguments} arguments and {bytes} bytes: at most 4,000 and 64 MiB fit \
         into one call"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The number of arguments.
        arguments: usize,
        /// The length of all keys and values.
        bytes: usize,
    },
    /// The store's user may not execute the command on this key.
    #[error("the Redis user may not execute {command} on {key:?}: give it the right to")]
    #[non_exhaustive]
    NoPermission {
        /// The command.
        command: &'static str,
        /// The key.
        key: String,
    },
    /// The key holds a value of another type, or an earlier effect of the same call gives it one.
    #[error("{command} is not possible on {key:?}, which is a {found}")]
    #[non_exhaustive]
    WrongType {
        /// The command.
        command: &'static str,
        /// The key.
        key: String,
        /// The type of the value, as the command `TYPE` names it.
        found: String,
    },
    /// The value of a counter is not an integer of 64 bits.
    #[error("the counter {key:?} does not hold an integer")]
    #[non_exhaustive]
    NotAnInteger {
        /// The key.
        key: String,
    },
    /// A counter would leave the range of 64 bits.
    #[error("the counter {key:?} would overflow")]
    #[non_exhaustive]
    Overflow {
        /// The key.
        key: String,
    },
    /// The last entry of a stream has the greatest possible id, or nearly.
    #[error("the stream {key:?} can have no further entry: its last id is the greatest")]
    #[non_exhaustive]
    StreamFull {
        /// The key.
        key: String,
    },
    /// The server refused the first effect for another reason.
    #[error("{command} on {key:?} failed: {message}")]
    #[non_exhaustive]
    Failed {
        /// The command.
        command: &'static str,
        /// The key.
        key: String,
        /// The server's message.
        message: String,
    },
}

/// A key that would do, in place of this one.
fn example(scope: &str, key: &str) -> String {
    let name: String = key.chars().filter(|char| !['{', '}'].contains(char)).collect();
    format!("{{{scope}}}:{name}")
}
