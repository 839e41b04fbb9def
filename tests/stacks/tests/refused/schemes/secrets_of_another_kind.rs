use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, SecretError};

fn rotate() -> Result<(), SecretError> {
    let secret = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
    let verifier = Scheme::svix().verifier(secret);
    let next = Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?;
    let _ = verifier.replace_secrets([next]);
    Ok(())
}

fn main() {}
