//! Markers for the type parameters of schemes, verifiers and secrets.

/// Marks a scheme whose signature covers a time, so that a receiver can refuse old signatures.
#[derive(Debug, Clone, Copy)]
pub struct Timed;

/// Marks a scheme whose signature covers no time. A captured request stays genuine for as long as
/// its secret is in use, and only deduplication refuses it.
#[derive(Debug, Clone, Copy)]
pub struct Untimed;

/// Marks a secret whose key is its text, byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct TextKey;

/// Marks a secret whose key is what its text encodes in base64.
#[derive(Debug, Clone, Copy)]
pub struct Base64Key;
