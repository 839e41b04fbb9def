//! The signature of a delivery: its header, the MAC, the verdict. No I/O, no runtime,
//! no clock: the caller passes the time in.

mod constant_time;
mod header;
mod mac;
mod replay_key;
mod secret;
mod signer;
mod tolerance;
mod verifier;

pub use header::SIGNATURE_HEADER;
pub use replay_key::ReplayKey;
pub use secret::{RotationError, Secret, SecretError};
pub use signer::Signer;
pub use tolerance::{Tolerance, ToleranceError};
pub use verifier::{Verification, Verified, Verifier};
