//! The parts of the grammars that are not a plain use of the standard library, beside plain versions.

use super::*;

/// Every pair of bytes, at each end of the digest.
#[test]
fn hex_digits_are_those_of_the_crate() {
    for pair in 0..=u16::MAX {
        let [high, low] = pair.to_be_bytes();
        for text in [[high, low, b'0', b'f'], [b'A', b'9', high, low]] {
            assert_eq!(decode_hex::<2>(&text), by_the_crate(&text), "{text:?}");
        }
    }
}

/// A prefix of a digest must never be compared.
#[test]
fn hex_of_another_length_is_no_digest() {
    for length in (0..200).filter(|length| *length != 64) {
        assert_eq!(decode_hex::<32>(&vec![b'0'; length]), None, "{length} digits");
    }
    assert_eq!(decode_hex::<32>(&[b'0'; 64]), Some([0; 32]));
}

fn by_the_crate(text: &[u8]) -> Option<[u8; 2]> {
    let mut digest = [0; 2];
    hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
}

/// Lines up to three times as long as what is compared at once, with separators in every two places.
#[test]
fn lines_are_split_at_every_separator() {
    for length in 0..50 {
        for (first, second) in (0..length).flat_map(|one| (one..length).map(move |two| (one, two))) {
            let mut line = vec![b'x'; length];
            line[first] = b',';
            line[second] = b',';
            let plain = line.split(|byte| *byte == b',');
            assert!(split(&line, b',').eq(plain), "{first} and {second} of {length}");
        }
        assert!(split(&vec![b'x'; length], b',').eq([&vec![b'x'; length][..]]), "{length}");
    }
}
