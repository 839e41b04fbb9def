/// Which servers [`RedisStreams`](super::RedisStreams) accepts. By default only one that keeps every
/// entry that it has acknowledged, as long as its disk does.
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct RedisStreamsOptions {
    pub(super) may_lose_a_second: bool,
    pub(super) may_lose_everything: bool,
    pub(super) may_be_unchecked: bool,
}

impl RedisStreamsOptions {
    /// Creates the options that refuse every server that would lose entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows `appendfsync everysec` and `no-appendfsync-on-rewrite yes`.
    ///
    /// If the machine crashes, the entries of the last second, or of a whole rewrite, are lost after the
    /// sender was answered 200. Nobody sends them again. A kill of the process alone loses nothing.
    pub fn dangerously_allow_loss_of_the_last_second(mut self) -> Self {
        self.may_lose_a_second = true;
        self
    }

    /// Allows a server without an append-only file, which loses all entries when it restarts, or those
    /// since its last snapshot. For tests, and for servers whose replicas you trust instead.
    pub fn dangerously_allow_no_persistence(mut self) -> Self {
        self.may_lose_everything = true;
        self
    }

    /// Allows a server that does not answer `CONFIG GET`, as many hosted ones do not. You vouch for
    /// `appendfsync always` and `no-appendfsync-on-rewrite no`.
    pub fn dangerously_allow_unchecked_configuration(mut self) -> Self {
        self.may_be_unchecked = true;
        self
    }
}
