//! Tokens of senders that sign nothing, and the delivery that was accepted for one. `token` is the
//! public face.

#[cfg(any(feature = "tower", feature = "actix"))]
mod delivery;
mod error;
mod place;
mod token;
#[cfg(any(feature = "tower", feature = "actix"))]
mod tokens;

#[cfg(any(feature = "tower", feature = "actix"))]
pub use self::delivery::{TokenDelivery, TokenMatch};
pub use self::error::{TokenError, TokenSetupError};
pub use self::token::Token;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use self::tokens::Tokens;
