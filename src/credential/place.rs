use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::TokenError;

/// A longer header is not looked at. The longest token that can be configured fits, in base64 too.
const MOST_BYTES: usize = 4096;

/// Where a request carries its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of this header.
    Header(&'static str),
    /// `Authorization: Bearer <token>`
    Bearer,
    /// `Authorization: Basic <base64 of user:password>`
    Basic,
}

impl Place {
    /// The name of the header.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Header(name) => name,
            Self::Bearer | Self::Basic => "authorization",
        }
    }

    /// The challenge of a 401.
    pub(super) fn challenge(self) -> &'static str {
        match self {
            Self::Header(_) => "Token",
            Self::Bearer => r#"Bearer realm="webhook""#,
            Self::Basic => r#"Basic realm="webhook""#,
        }
    }

    /// The token of a request, from the values of all lines of its header.
    pub(super) fn find<'a>(
        self,
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Cow<'a, [u8]>, TokenError> {
        let challenge = self.challenge();
        let malformed = |reason| TokenError::MalformedToken { challenge, reason };
        let mut lines = lines.into_iter();
        let line = lines.next().ok_or(TokenError::MissingToken { challenge })?;
        if lines.next().is_some() {
            return Err(malformed("more than one header line"));
        }
        if line.len() > MOST_BYTES {
            return Err(malformed("longer than 4096 bytes"));
        }
        let of = |scheme| of_scheme(line, scheme).ok_or(malformed("another authentication scheme"));
        match self {
            Self::Header(_) => Ok(line.into()),
            Self::Bearer => of("bearer").map(Cow::Borrowed),
            Self::Basic => {
                let decoded = STANDARD.decode(of("basic")?);
                decoded.map(Cow::Owned).map_err(|_| malformed("not base64"))
            }
        }
    }
}

/// The credentials after the name of the scheme (RFC 9110, section 11.4). The name is not case-sensitive.
fn of_scheme<'a>(line: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (name, rest) = line.split_at_checked(scheme.len())?;
    let is_scheme = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.starts_with(b" ");
    is_scheme.then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(line: &str) -> Result<Vec<u8>, &'static str> {
        match Place::Basic.find([line.as_bytes()]) {
            Ok(found) => Ok(found.into_owned()),
            Err(TokenError::MalformedToken { reason, .. }) => Err(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// The example of RFC 7617, section 2.
    #[test]
    fn the_published_example_is_read() {
        let credentials = basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(credentials.as_deref(), Ok(&b"Aladdin:open sesame"[..]));
    }

    #[test]
    fn the_scheme_is_a_word_of_its_own() {
        for line in ["BASIC eDp5", "basic   eDp5", "Basic eDp5"] {
            assert_eq!(basic(line).as_deref(), Ok(&b"x:y"[..]), "{line}");
        }
        for line in ["", "Basic", "BasiceDp5", "Basi", "Basic\teDp5", "Bearer eDp5", "eDp5"] {
            assert_eq!(basic(line), Err("another authentication scheme"), "{line}");
        }
        for line in ["Basic eDp5=", "Basic eD p5", "Basic eDp5,eDp5", "Basic eDp*"] {
            assert_eq!(basic(line), Err("not base64"), "{line}");
        }
    }

    #[test]
    fn a_long_header_is_not_looked_at() {
        let line = |length| b"x".repeat(length);
        let find = |line: &[u8]| Place::Header("x-token").find([line]).is_ok();
        assert!(find(&line(4096)));
        assert!(!find(&line(4097)));
    }
}
