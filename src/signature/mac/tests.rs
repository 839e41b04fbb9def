//! Checks the MAC against the vectors of Wycheproof and of RFC 4231. Their messages do not begin with
//! a timestamp, so `Verifier` cannot take them.

use super::super::header::{Digests, read_header};
use super::super::secrets::first_match;
use super::*;
use crate::scheme::{Format, Hash, NEVENT};

/// The MAC of a message that arrives in two pieces, as a body may.
fn mac<H: EagerHash, const N: usize>(key: &[u8], message: &[u8]) -> [u8; N] {
    let key = MacKey::<H>::new(key);
    let mut mac = RunningMacs::none();
    mac.start([&key].into_iter());
    let (first, rest) = message.split_at(message.len() / 3);
    mac.update(first);
    mac.update(rest);
    let digests = mac.finish::<N>();
    assert_eq!(digests.len(), 1);
    digests[0].0
}

/// `hmac_sha256_test.json` and `hmac_sha512_test.json` of <https://github.com/C2SP/wycheproof>
/// (Apache-2.0), without comments.
const WYCHEPROOF_SHA256: &str = include_str!("../../../tests/data/wycheproof-hmac-sha256.json");
const WYCHEPROOF_SHA512: &str = include_str!("../../../tests/data/wycheproof-hmac-sha512.json");

#[test]
fn wycheproof() {
    assert_eq!(outcomes::<Sha256, 32>(WYCHEPROOF_SHA256, NEVENT.format), [54, 33, 87]);
    let format = Format { hash: Hash::Sha512, ..NEVENT.format };
    assert_eq!(outcomes::<Sha512, 64>(WYCHEPROOF_SHA512, format), [54, 33, 87]);
}

/// How many tags are forged, genuine and truncated. A tag of full length equals the MAC if and only
/// if it is genuine. A truncated tag is a malformed header, even if it is genuine.
fn outcomes<H: EagerHash, const N: usize>(vectors: &str, format: Format) -> [usize; 3] {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).expect("vectors");
    let mut counts = [0; 3];
    for vector in vectors {
        let text = |field: &str| vector[field].as_str().expect("text");
        let bytes = |field: &str| hex::decode(text(field)).expect("hex");
        let (right, tag) = (mac::<H, N>(&bytes("key"), &bytes("msg")), bytes("tag"));
        let genuine = text("result") == "valid";
        assert_eq!(right.starts_with(&tag), genuine, "{vector}");
        let header = format!("t=0,v1={}", text("tag"));
        let header = read_header::<N>(header.as_bytes(), &format, &mut Digests::new());
        let truncated = header.is_err();
        assert_eq!(truncated, tag.len() < N, "{vector}");
        counts[if truncated { 2 } else { usize::from(genuine) }] += 1;
    }
    counts
}

/// Test cases 1 to 4, 6 and 7. Case 5 has a truncated MAC.
#[test]
fn rfc_4231() {
    let cases: [(&[u8], &[u8], &str, &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
             bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ),
        (
            &std::array::from_fn::<u8, 25, _>(|at| u8::try_from(at + 1).unwrap()),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db\
             a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. \
              The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
             b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
        ),
    ];
    for (key, message, sha256, sha512) in cases {
        assert_eq!(hex::encode(mac::<Sha256, 32>(key, message)), sha256);
        assert_eq!(hex::encode(mac::<Sha512, 64>(key, message)), sha512);
    }
}

/// Keys of 127, 128 and 129 bytes, computed with Python's `hmac`. A key that is longer than SHA-512's
/// block of 128 bytes is hashed first, and neither set of vectors has a key right beside that length.
#[test]
fn keys_around_the_block_of_sha512() {
    let cases = [
        (
            127,
            "7013ed4e5966ee2d246b026967e100db088f8740fa00590f02c714526c4a0e6c\
             ea2dd657dc228595b7c381d12e961bb4ce390d13e81aebe8b60619432dba2b3e",
        ),
        (
            128,
            "fb12ef2077ba25924ea00e51b38ee04fd993b20953f2099938f19d8ea08783bf\
             7a530cab1fcab7e49b37606d51177706ab1edb07be4aca0b7053572c9e813d4d",
        ),
        (
            129,
            "602f02a3e7ae205fb0f89a0e4fa9be1a2fefd464531515e5e5cfaca60bc59e9b\
             d6566badadda0e1a2e167c4d3741030cc14e363e9575b7c6a4a38a4707d8dbd8",
        ),
    ];
    for (length, digest) in cases {
        let (key, message) = (vec![0xaa; length], vec![b'x'; length]);
        assert_eq!(hex::encode(mac::<Sha512, 64>(&key, &message)), digest, "{length} bytes");
    }
}

/// An `HmacCore` consists of two hash states. Each wipes itself on drop, as its marker trait says.
/// `HmacCore` itself does not have the marker trait.
#[test]
fn keys_and_running_macs_are_wiped_on_drop() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<<Sha256 as EagerHash>::Core>();
    wiped::<<Sha512 as EagerHash>::Core>();
    wiped::<Buffer<HmacCore<Sha256>>>();
    wiped::<Buffer<HmacCore<Sha512>>>();
    assert!(std::mem::needs_drop::<MacKeys>());
    assert!(std::mem::needs_drop::<RunningMacs<Sha256>>());
    assert!(std::mem::needs_drop::<RunningMacs<Sha512>>());
}

/// Whatever the pieces are, each MAC is that of its key alone: no byte of the shared buffer is lost, or
/// counted twice, or seen by one MAC only.
#[test]
fn macs_that_run_side_by_side_do_not_disturb_each_other() {
    let keys = [b"a", b"b", b"c", b"d"].map(|key| MacKey::<Sha256>::new(key));
    let message: Vec<u8> = (0..=255).cycle().take(400).collect();
    for secrets in 1..=keys.len() {
        for (first, second) in (0..200).flat_map(|first| [0, 1, 63, 64, 65].map(|n| (first, n))) {
            let mut macs = RunningMacs::none();
            macs.start(keys[..secrets].iter());
            let (first, rest) = message.split_at(first);
            let (second, rest) = rest.split_at(second);
            for piece in [first, second, rest] {
                macs.update(piece);
            }
            let digests = macs.finish::<32>();
            let expected = keys[..secrets].iter().map(|key| key.digest::<32>(&[&message]).0);
            assert!(digests.iter().map(|digest| digest.0).eq(expected), "{secrets} secrets");
        }
    }
}

/// A comparison that overlooked a byte would accept a forged digest.
#[test]
fn every_bit_of_a_digest_counts() {
    fn check<const N: usize>() {
        let digest = Digest([0x5a; N]);
        for bit in 0..N * 8 {
            let mut other = digest;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(first_match(&[digest], &[other, other]), usize::from(u8::MAX), "bit {bit}");
            assert_eq!(first_match(&[digest], &[other, digest]), 0, "bit {bit}");
        }
    }
    check::<32>();
    check::<64>();
}
