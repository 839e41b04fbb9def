use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, SecretError};

fn verifier() -> Result<(), SecretError> {
    let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
    Scheme::svix().verifier(secret);
    Ok(())
}

fn main() {}
