//! Signing secrets, and signatures made with them now. Each test includes this file.
#![allow(dead_code, reason = "each test uses a part")]

use nevent_webhooks::{Clock, Secret, Signer, SystemClock};

pub const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
pub const PREVIOUS_SECRET: &str = "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh";
pub const OTHER_SECRET: &str = "whsec_Zt6MsqK1xWu9EoJd5BvNgYc3A";

/// Parses a secret that must be a good one.
pub fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

/// Signs with [`SECRET`].
pub fn signer() -> Signer {
    Signer::new(&secret(SECRET))
}

/// The signature header of this body, signed now with [`SECRET`].
pub fn signature(body: impl AsRef<[u8]>) -> String {
    signer().header(SystemClock.unix_seconds(), body.as_ref())
}
