use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, SecretError};

fn sign() -> Result<(), SecretError> {
    let secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f")?;
    let signer = Scheme::github().signer(&secret);
    let _ = signer.headers("72d3162e", 1_640_995_200, b"{}");
    Ok(())
}

fn main() {}
