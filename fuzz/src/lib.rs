//! A second signer, second readings and a second memory, to judge the library by: they
//! share no code with it but SHA-256 itself and `serde_json`'s parser. And what the targets
//! send with.

pub mod frames;
pub mod header;
pub mod json;
pub mod records;
pub mod stack;

use std::fmt::Write;

use sha2::{Digest, Sha256};

#[path = "../../tests/support/secrets.rs"]
mod secrets;

/// What targets sign with unless they draw a secret.
pub use secrets::SECRET;

/// SHA-256's block, B in RFC 2104.
const BLOCK: usize = 64;

/// What Nevent would sign this timestamp and body with.
#[must_use]
pub fn digest(secret: &[u8], t: i64, body: &[u8]) -> [u8; 32] {
    hmac_sha256(secret, &[format!("{t}.").as_bytes(), body].concat())
}

/// Lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// `H(K XOR opad, H(K XOR ipad, text))`: RFC 2104, section 2.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut padded = [0; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let inner = sha256(&padded.map(|byte| byte ^ 0x36), text);
    sha256(&padded.map(|byte| byte ^ 0x5c), &inner)
}

fn sha256(start: &[u8], end: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(start).chain_update(end).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 2 and 6.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        let short = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let long = hmac_sha256(&[0xaa; 131], long);
        assert_eq!(hex(&short), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(hex(&long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    /// Computed with Python's `hmac` and checked against OpenSSL.
    #[test]
    fn digest_is_that_of_nevent() {
        let secret = b"whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
        let body = br#"{"id":"evt_01234567890","type":"purchase.completed","created":1640995200,"data":{},"organization_id":"org_abcdefghijk"}"#;
        let expected = "16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
        assert_eq!(hex(&digest(secret, 1_640_995_200, body)), expected);
    }
}
