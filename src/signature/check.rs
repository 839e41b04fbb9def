use hmac::{EagerHash, Hmac, Mac};
use sha2::{Sha256, Sha512};

use super::header::{Digests, SignatureHeader};
use super::keyed::KeyedSecret;
use super::mac::RunningMac;
use super::secrets::{PerSecret, Secrets};
use super::timestamp::Timestamp;
use super::{ReplayKey, VerifyError};
use crate::scheme::{Format, Hash};

/// The running MACs of a body, and the digests that one of them has to match.
pub(super) enum Check {
    Sha256(Candidates<Sha256, 32>),
    /// Boxed, because it is nearly twice as large. Otherwise every request would pay for its size.
    Sha512(Box<Candidates<Sha512, 64>>),
}

impl Check {
    /// Parses the signature header and starts a MAC under each secret, without any input. Also returns
    /// the time, if the header has it.
    pub(super) fn start(
        line: &[u8],
        format: &Format,
        secrets: &Secrets,
    ) -> Result<(Self, Option<Timestamp>), VerifyError> {
        Ok(match format.hash {
            Hash::Sha256 => {
                let SignatureHeader { time, digests } = SignatureHeader::parse(line, format)?;
                let macs = secrets.iter().map(|secret| secret.keys.sha256.start()).collect();
                (Self::Sha256(Candidates { macs, digests }), time)
            }
            Hash::Sha512 => {
                let SignatureHeader { time, digests } = SignatureHeader::parse(line, format)?;
                let macs = secrets.iter().map(|secret| secret.keys.sha512.start()).collect();
                (Self::Sha512(Box::new(Candidates { macs, digests })), time)
            }
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(candidates) => candidates.update(bytes),
            Self::Sha512(candidates) => candidates.update(bytes),
        }
    }

    /// The secret that matches, and the replay keys of the signed bytes.
    pub(super) fn finish(self, secrets: &Secrets) -> Option<(&KeyedSecret, PerSecret<ReplayKey>)> {
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

    fn finish(self, secrets: &Secrets) -> Option<(&KeyedSecret, PerSecret<ReplayKey>)> {
        let expected: PerSecret<_> = self.macs.into_iter().map(RunningMac::finish::<N>).collect();
        let secret = secrets.matching(&expected, &self.digests)?;
        Some((secret, expected.iter().map(ReplayKey::from_mac).collect()))
    }
}
