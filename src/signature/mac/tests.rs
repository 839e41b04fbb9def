//! Checks the MAC against the vectors of Wycheproof and of RFC 4231. Their messages do not begin with
//! a timestamp, so `Verifier` cannot take them.

use super::super::header::{Digests, read_header};
use super::*;
use crate::scheme::NEVENT;

/// The MAC of a message that arrives in two pieces, as a body may.
fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = MacKey::<Sha256>::new(key).start();
    let (first, rest) = message.split_at(message.len() / 3);
    mac.update(first);
    mac.update(rest);
    mac.finish::<32>().0
}

/// `hmac_sha256_test.json` of <https://github.com/C2SP/wycheproof> (Apache-2.0), without comments.
const WYCHEPROOF: &str = include_str!("../../../tests/data/wycheproof-hmac-sha256.json");

/// A tag of full length equals the MAC if and only if it is genuine. A truncated tag is a malformed
/// header, even if it is genuine.
#[test]
fn wycheproof() {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(WYCHEPROOF).expect("vectors");
    let mut counts = [0; 3];
    for vector in vectors {
        let text = |field: &str| vector[field].as_str().expect("text");
        let bytes = |field: &str| hex::decode(text(field)).expect("hex");
        let (right, tag) = (mac(&bytes("key"), &bytes("msg")), bytes("tag"));
        let genuine = text("result") == "valid";
        assert_eq!(right.starts_with(&tag), genuine, "{vector}");
        let header = format!("t=0,v1={}", text("tag"));
        let truncated = read_header::<32>(header.as_bytes(), &NEVENT.format, &mut Digests::new()).is_err();
        assert_eq!(truncated, tag.len() < 32, "{vector}");
        counts[if truncated { 2 } else { usize::from(genuine) }] += 1;
    }
    let [forged, genuine, truncated] = counts;
    assert_eq!((genuine, forged, truncated), (33, 54, 87));
}

/// Test cases 1 to 4, 6 and 7. Case 5 has a truncated MAC.
#[test]
fn rfc_4231() {
    let cases: [(&[u8], &[u8], &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &std::array::from_fn::<u8, 25, _>(|at| u8::try_from(at + 1).unwrap()),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. \
              The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, digest) in cases {
        assert_eq!(hex::encode(mac(key, message)), digest);
    }
}

/// An `Hmac` consists of two hash states and a buffer. Each wipes itself on drop, as the marker trait
/// on the hash says. `Hmac` itself does not have the marker trait.
#[test]
fn keys_and_running_macs_are_wiped_on_drop() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<Sha256>();
    assert!(std::mem::needs_drop::<MacKey>());
    assert!(std::mem::needs_drop::<RunningMac>());
}
