use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, SecretError};

fn verifier() -> Result<(), SecretError> {
    let secret = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
    Scheme::github().verifier(secret);
    Ok(())
}

fn main() {}
