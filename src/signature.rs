//! The signature of a delivery: the header, the MAC and the tolerance. There is no I/O, no runtime
//! and no clock here; the caller passes the time in.

mod check;
mod constant_time;
#[cfg(feature = "schemes")]
mod credentials;
mod error;
mod header;
mod keyed;
mod mac;
mod of_scheme;
mod replay_key;
mod secret;
mod secrets;
mod signer;
mod timestamp;
mod tolerance;
mod verification;
mod verifier;

#[cfg(feature = "schemes")]
pub(crate) use credentials::{Credential, Credentials, MAX_CREDENTIALS};
pub use error::VerifyError;
pub use replay_key::{ReplayKey, ReplayKeys};
#[cfg(feature = "schemes")]
pub(crate) use secret::check_text;
pub use secret::{Secret, SecretError};
pub use secrets::RotationError;
pub use signer::Signer;
pub use tolerance::{Tolerance, ToleranceError};
pub use verification::{Verification, Verified};
pub use verifier::Verifier;
