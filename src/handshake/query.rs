use super::HandshakeError;

const MODE: &str = "hub.mode";
const TOKEN: &str = "hub.verify_token";
const CHALLENGE: &str = "hub.challenge";

/// The parameters of Meta's GET, decoded.
pub(super) struct Parameters {
    pub(super) mode: Vec<u8>,
    pub(super) token: Vec<u8>,
    pub(super) challenge: Vec<u8>,
}

impl Parameters {
    /// Reads the parameters from a query. Each has to be there once. Other parameters are ignored.
    pub(super) fn parse(query: &str) -> Result<Self, HandshakeError> {
        let (mut mode, mut token, mut challenge) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Decoded first. Otherwise a parameter could be there twice in two spellings.
            let (name, slot) = match decode(name).as_deref() {
                Some(b"hub.mode") => (MODE, &mut mode),
                Some(b"hub.verify_token") => (TOKEN, &mut token),
                Some(b"hub.challenge") => (CHALLENGE, &mut challenge),
                _ => continue,
            };
            let value = decode(value).ok_or(HandshakeError::MalformedParameter { name })?;
            if slot.replace(value).is_some() {
                return Err(HandshakeError::RepeatedParameter { name });
            }
        }
        let missing = |name| HandshakeError::MissingParameter { name };
        Ok(Self {
            mode: mode.ok_or(missing(MODE))?,
            token: token.ok_or(missing(TOKEN))?,
            challenge: challenge.ok_or(missing(CHALLENGE))?,
        })
    }
}

/// Decodes `+` and `%XX`. `None` if two hex digits do not follow a `%`.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => escaped([bytes.next()?, bytes.next()?])?,
            plain => plain,
        });
    }
    Some(decoded)
}

fn escaped(digits: [u8; 2]) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).ok()?;
    let [byte] = byte;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        let decoded = |text| decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let table = [
            ("", ""),
            ("meatyhamhock", "meatyhamhock"),
            ("a+b%20c", "a b c"),
            ("%6d%6D", "mm"),
            ("%2B%25%26%3d", "+%&="),
            ("%C3%A4ä", "ää"),
            ("%2530", "%30"),
        ];
        for (text, expected) in table {
            assert_eq!(decoded(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(decode("%ff%00"), Some(vec![0xff, 0]));
        for malformed in ["%", "a%", "%4", "%4g", "%+4", "%-1", "% 4", "%%41", "%ä"] {
            assert_eq!(decode(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn each_parameter_is_there_once() {
        let error = |query| Parameters::parse(query).err();
        assert_eq!(error("hub.mode=a&hub.verify_token=b&hub.challenge=c&x=1&x=2&%=&&"), None);
        assert_eq!(error("hub.challenge=&hub%2Emode&hub.verify_token="), None);
        let missing = |name| Some(HandshakeError::MissingParameter { name });
        assert_eq!(error(""), missing(MODE));
        assert_eq!(error("hub.mode=a&hub.challenge=c&HUB.VERIFY_TOKEN=b"), missing(TOKEN));
        assert_eq!(error("hub.mode=a&hub.verify_token=b&hub.challenge%=c"), missing(CHALLENGE));
        let repeated = |name| Some(HandshakeError::RepeatedParameter { name });
        assert_eq!(error("hub.mode=a&hub%2emode=a"), repeated(MODE));
        assert_eq!(error("hub.verify_token&hub.verify_token=b"), repeated(TOKEN));
        let malformed = Some(HandshakeError::MalformedParameter { name: CHALLENGE });
        assert_eq!(error("hub.challenge=%zz"), malformed);
    }
}
