use hmac::{EagerHash, Hmac, Mac};
use sha2::{Sha256, Sha512};

use super::header::{Digests, read_header};
use super::keyed::KeyedSecret;
use super::mac::RunningMac;
use super::secrets::{PerSecret, Secrets};
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
    /// Starts a MAC under each secret, without any input.
    pub(super) fn new(hash: Hash, secrets: &Secrets) -> Self {
        match hash {
            Hash::Sha256 => {
                let macs = secrets.iter().map(|secret| secret.keys.sha256.start()).collect();
                Self::Sha256(Candidates { macs, digests: Digests::new() })
            }
            Hash::Sha512 => {
                let macs = secrets.iter().map(|secret| secret.keys.sha512.start()).collect();
                Self::Sha512(Box::new(Candidates { macs, digests: Digests::new() }))
            }
        }
    }

    /// Parses the signature header. Returns the time, if the header has it.
    pub(super) fn read_header(
        &mut self,
        line: &[u8],
        format: &Format,
    ) -> Result<Option<Timestamp>, VerifyError> {
        match self {
            Self::Sha256(candidates) => read_header(line, format, &mut candidates.digests),
            Self::Sha512(candidates) => read_header(line, format, &mut candidates.digests),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(candidates) => candidates.update(bytes),
            Self::Sha512(candidates) => candidates.update(bytes),
        }
    }

    pub(super) fn update_all<const N: usize>(&mut self, parts: [&[u8]; N]) {
        for part in parts {
            if !part.is_empty() {
                self.update(part);
            }
        }
    }

    /// The secret that matches, and the replay keys of the signed bytes.
    pub(super) fn finish<'s>(
        &mut self,
        secrets: &'s Secrets,
    ) -> Option<(&'s KeyedSecret, ReplayKeys)> {
        match self {
            Self::Sha256(candidates) => candidates.finish(secrets),
            Self::Sha512(candidates) => candidates.finish(secrets),
        }
    }
}

/// A running MAC per secret, and the digests of `N` bytes from the header.
pub(super) struct Candidates<H: EagerHash, const N: usize> {
    macs: PerSecret<RunningMac<H>>,
    digests: Digests<N>,
}

impl<H: EagerHash, const N: usize> Candidates<H, N>
where
    Hmac<H>: Mac,
{
    fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    fn finish<'s>(&mut self, secrets: &'s Secrets) -> Option<(&'s KeyedSecret, ReplayKeys)> {
        let expected: PerSecret<_> = self.macs.drain(..).map(RunningMac::finish::<N>).collect();
        let secret = secrets.matching(&expected, &self.digests)?;
        Some((secret, ReplayKeys::first_four(expected.iter().map(ReplayKey::from_mac))))
    }
}
