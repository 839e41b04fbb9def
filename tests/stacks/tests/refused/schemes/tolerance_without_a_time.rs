use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, SecretError, Tolerance};

fn verifier() -> Result<(), SecretError> {
    let secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f")?;
    Scheme::github().verifier(secret).tolerance(Tolerance::default());
    Ok(())
}

fn main() {}
