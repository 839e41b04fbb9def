//! The user in a URL, which the client itself ignores.

use async_nats::{ConnectOptions, ServerAddr};

use super::NatsError;

/// Shows nothing in `Debug`, because it has none.
#[derive(Clone)]
pub(super) enum Login {
    Nobody,
    Token(String),
    User(String, String),
}

impl Login {
    /// Of the first server whose URL has one. A user without a password is a token.
    pub(super) fn of(servers: &[ServerAddr]) -> Result<Self, NatsError> {
        let Some(server) = servers.iter().find(|server| server.has_user_pass()) else {
            return Ok(Self::Nobody);
        };
        let decoded = |text: &str| decode(text).ok_or(NatsError::Url);
        let user = decoded(server.username().unwrap_or_default())?;
        Ok(match server.password() {
            Some(password) => Self::User(user, decoded(password)?),
            None => Self::Token(user),
        })
    }

    pub(super) fn apply(self, options: ConnectOptions) -> ConnectOptions {
        match self {
            Self::Nobody => options,
            Self::Token(token) => options.token(token),
            Self::User(user, password) => options.user_and_password(user, password),
        }
    }
}

/// Percent-decodes.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            rest = after;
            let digits = str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_percent_decoded() {
        assert_eq!(decode("p%40ss%25").as_deref(), Some("p@ss%"));
        assert_eq!(decode("\u{e4}").as_deref(), Some("\u{e4}"));
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
