//! A second signer, second readings and a second memory, to judge the library by: they
//! share no code with it but SHA-256 itself and `serde_json`'s parser. And what the targets
//! send with.

pub mod base64;
pub mod frames;
pub mod header;
pub mod json;
pub mod library;
pub mod records;
pub mod scheme;
pub mod stack;

use std::fmt::Write;

use sha2::{Digest, Sha256, Sha512};

#[path = "../../tests/support/secrets.rs"]
mod secrets;

/// What targets sign with unless they draw a secret.
pub use secrets::SECRET;

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

/// HMAC-SHA256 of this text.
#[must_use]
pub fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    // 64 is SHA-256's block, B in RFC 2104.
    hmac(64, |bytes| Sha256::digest(bytes).into(), key, text)
}

/// HMAC-SHA512 of this text.
#[must_use]
pub fn hmac_sha512(key: &[u8], text: &[u8]) -> [u8; 64] {
    hmac(128, |bytes| Sha512::digest(bytes).into(), key, text)
}

/// `H(K XOR opad, H(K XOR ipad, text))`: RFC 2104, section 2.
fn hmac<const N: usize>(
    block: usize,
    hash: impl Fn(&[u8]) -> [u8; N],
    key: &[u8],
    text: &[u8],
) -> [u8; N] {
    let mut padded = if key.len() > block { hash(key).to_vec() } else { key.to_vec() };
    padded.resize(block, 0);
    let with = |pad: u8, text: &[u8]| -> Vec<u8> {
        padded.iter().map(|byte| byte ^ pad).chain(text.iter().copied()).collect()
    };
    hash(&with(0x5c, &hash(&with(0x36, text))))
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

    /// RFC 4231, test case 2, and a key longer than the block, computed with Python's `hmac`.
    #[test]
    fn hmac_sha512_is_that_of_the_rfc() {
        let short = hmac_sha512(b"Jefe", b"what do ya want for nothing?");
        let long = hmac_sha512(&[0xaa; 129], &[b'x'; 129]);
        let expected = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                        9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
        assert_eq!(hex(&short), expected);
        let expected = "602f02a3e7ae205fb0f89a0e4fa9be1a2fefd464531515e5e5cfaca60bc59e9b\
                        d6566badadda0e1a2e167c4d3741030cc14e363e9575b7c6a4a38a4707d8dbd8";
        assert_eq!(hex(&long), expected);
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
