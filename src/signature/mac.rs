//! HMAC over what a scheme signs. No other module touches the MAC.
//!
//! [`HmacCore`] is the HMAC of the crate `hmac` without a buffer for the bytes of an incomplete block.
//! All secrets sign the same bytes, so their MACs share one buffer.

use std::slice;

use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use hmac::{EagerHash, KeyInit};
use sha2::{Sha256, Sha512};

use super::constant_time::{Choice, ConstantTimeEq};
use super::secrets::{MAX_SECRETS, PerSecret};

/// The keys of one secret, one for each hash, as the inner and outer hash states of HMAC. They are
/// wiped on drop.
#[derive(Clone)]
pub(crate) struct MacKeys {
    pub(crate) sha256: MacKey<Sha256>,
    pub(crate) sha512: MacKey<Sha512>,
}

impl MacKeys {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self { sha256: MacKey::new(key), sha512: MacKey::new(key) }
    }
}

/// A key for one hash.
#[derive(Clone)]
pub(crate) struct MacKey<H: EagerHash>(HmacCore<H>);

impl<H: EagerHash> MacKey<H> {
    pub(crate) fn new(key: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "the `Result` is there for other MACs")]
        let mac = <HmacCore<H> as KeyInit>::new_from_slice(key)
            .expect("HMAC takes keys of any length: RFC 2104, section 2");
        Self(mac)
    }

    /// The MAC of these parts, one after the other.
    pub(crate) fn digest<const N: usize>(&self, parts: &[&[u8]]) -> Digest<N> {
        let (mut state, mut buffer) = (self.0.clone(), Buffer::<HmacCore<H>>::default());
        for part in parts {
            buffer.digest_blocks(part, |blocks| state.update_blocks(blocks));
        }
        finish(&mut state, &mut buffer)
    }
}

/// The running MACs of the same bytes, one for each secret, updated as the body arrives.
pub(crate) struct RunningMacs<H: EagerHash> {
    /// Not an `ArrayVec`, whose `push` moves a state that was cloned, and leaves a copy on the stack.
    states: [Option<HmacCore<H>>; MAX_SECRETS],
    buffer: Buffer<HmacCore<H>>,
}

impl<H: EagerHash> RunningMacs<H> {
    #[inline]
    pub(crate) fn none() -> Self {
        Self { states: [const { None }; MAX_SECRETS], buffer: Buffer::<HmacCore<H>>::default() }
    }

    /// Starts a MAC under each key, without any input.
    pub(crate) fn start<'k>(&mut self, keys: impl Iterator<Item = &'k MacKey<H>>)
    where
        H: 'k,
    {
        for (state, key) in self.states.iter_mut().zip(keys) {
            state.get_or_insert_with(|| key.0.clone());
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let states = &mut self.states;
        self.buffer.digest_blocks(bytes, |blocks| match &mut *states {
            [Some(state), None, ..] => state.update_blocks(blocks),
            // The processor computes the MACs of a block at the same time, because none of them needs
            // the result of another.
            states => blocks.iter().for_each(|block| {
                let states = states.iter_mut().flatten();
                states.for_each(|state| state.update_blocks(slice::from_ref(block)));
            }),
        });
    }

    /// The digests, in the order of the secrets. `N` is the hash's length in bytes. The MACs are of no
    /// use afterwards.
    pub(crate) fn finish<const N: usize>(&mut self) -> PerSecret<Digest<N>> {
        let Self { states, buffer } = self;
        match states {
            [Some(state), None, ..] => [finish(state, buffer)].into_iter().collect(),
            states => {
                let states = states.iter_mut().flatten();
                states.map(|state| finish(state, &mut buffer.clone())).collect()
            }
        }
    }
}

fn finish<H: EagerHash, const N: usize>(
    state: &mut HmacCore<H>,
    buffer: &mut Buffer<HmacCore<H>>,
) -> Digest<N> {
    let mut output = Output::<HmacCore<H>>::default();
    state.finalize_fixed_core(buffer, &mut output);
    let mut digest = [0; N];
    digest.copy_from_slice(&output);
    Digest(digest)
}

/// A digest of `N` bytes, computed or from a header. It has no `PartialEq`, so that digests are
/// compared only in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Digest<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> ConstantTimeEq for Digest<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.words().ct_eq(&other.words())
    }
}

impl<const N: usize> Digest<N> {
    /// The bytes as words, after which there may be zeros. Comparing single bytes would take eight
    /// times as long.
    fn words(&self) -> [u64; 8] {
        const { assert!(N.is_multiple_of(8) && N <= 64, "every byte is part of a word") }
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(self.0.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        words
    }
}

#[cfg(test)]
mod tests;
