use hmac::EagerHash;
use sha2::{Sha256, Sha512};

use super::header::{Digests, read_header};
use super::mac::RunningMacs;
use super::secrets::{Secrets, first_match};
use super::timestamp::Timestamp;
use super::{ReplayKey, ReplayKeys, VerifyError};
use crate::scheme::{Format, Hash};

/// The running MACs of a body, and the digests that one of them has to match.
#[expect(clippy::large_enum_variant, reason = "the usual variant stays on the stack")]
pub(super) enum Check {
    Sha256(Candidates<Sha256, 32>),
    /// Boxed, because it is nearly twice as large. Otherwise every request would pay for its size.
    Sha512(Box<Candidates<Sha512, 64>>),
}

impl Check {
    /// Without any MAC.
    #[inline]
    pub(super) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Candidates::new()),
            Hash::Sha512 => Self::Sha512(Box::new(Candidates::new())),
        }
    }

    /// Starts a MAC under each secret, without any input. They start in place, as a `Check` takes
    /// longer to move than to start.
    pub(super) fn start(&mut self, secrets: &Secrets) {
        match self {
            Self::Sha256(own) => own.macs.start(secrets.keys.iter().map(|keys| &keys.sha256)),
            Self::Sha512(own) => own.macs.start(secrets.keys.iter().map(|keys| &keys.sha512)),
        }
    }

    /// Parses the signature header. Returns the time, if the header has it.
    pub(super) fn read_header<'a>(
        &mut self,
        line: &'a [u8],
        format: &Format,
    ) -> Result<Option<Timestamp<'a>>, VerifyError> {
        match self {
            Self::Sha256(candidates) => read_header(line, format, &mut candidates.digests),
            Self::Sha512(candidates) => read_header(line, format, &mut candidates.digests),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(candidates) => candidates.macs.update(bytes),
            Self::Sha512(candidates) => candidates.macs.update(bytes),
        }
    }

    pub(super) fn update_all<const N: usize>(&mut self, parts: [&[u8]; N]) {
        for part in parts {
            if !part.is_empty() {
                self.update(part);
            }
        }
    }

    /// The position of the secret that matches, and the replay keys of the signed bytes.
    pub(super) fn finish(&mut self) -> Option<(usize, ReplayKeys)> {
        match self {
            Self::Sha256(candidates) => candidates.finish(),
            Self::Sha512(candidates) => candidates.finish(),
        }
    }
}

/// A running MAC per secret, and the digests of `N` bytes from the header.
pub(super) struct Candidates<H: EagerHash, const N: usize> {
    macs: RunningMacs<H>,
    digests: Digests<N>,
}

impl<H: EagerHash, const N: usize> Candidates<H, N> {
    #[inline]
    fn new() -> Self {
        Self { macs: RunningMacs::none(), digests: Digests::new() }
    }

    fn finish(&mut self) -> Option<(usize, ReplayKeys)> {
        let expected = self.macs.finish::<N>();
        let position = first_match(&expected, &self.digests);
        let replay_keys = || ReplayKeys::first_four(expected.iter().map(ReplayKey::from_mac));
        (position < expected.len()).then(|| (position, replay_keys()))
    }
}
