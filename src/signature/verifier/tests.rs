//! Verification compares every digest with the MAC under every secret, and reads no result before the
//! last comparison. `tests/timing` measures that the time of a comparison does not depend on its
//! result.

use super::super::constant_time::COMPARED;
use super::*;
use crate::Signer;

const SECRETS: [&str; 3] = [
    "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR",
    "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh",
    "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs",
];
const BODY: &[u8] = b"{}";
const TIME: i64 = 1_640_995_200;

fn secret(number: usize) -> Secret {
    Secret::new(SECRETS[number]).expect("a secret")
}

/// The number of comparisons for a header with these digests, and whether it is genuine.
fn check(digests: &[&str]) -> (usize, bool) {
    let two = Verifier::with_secrets([secret(0), secret(1)]).expect("two secrets");
    let header = format!("t={TIME},v1={}", digests.join(",v1="));
    COMPARED.set(0);
    let genuine = two.verify(header, BODY, TIME).is_ok();
    (COMPARED.get(), genuine)
}

#[test]
fn all_are_compared_whichever_matches() {
    let [current, previous, unknown] = [0, 1, 2].map(|n| Signer::new(&secret(n)).v1(TIME, BODY));
    for (first, second, genuine) in [
        (&current, &unknown, true),
        (&unknown, &current, true),
        (&current, &previous, true),
        (&previous, &current, true),
        (&previous, &unknown, true),
        (&unknown, &previous, true),
        (&current, &current, true),
        (&unknown, &unknown, false),
    ] {
        assert_eq!(check(&[first, second]), (4, genuine));
    }
}

/// A single wrong byte takes as many comparisons as any other digest, wherever the byte is.
#[test]
fn all_are_compared_wherever_the_first_difference_is() {
    let genuine = Signer::new(&secret(0)).v1(TIME, BODY);
    assert_eq!(check(&[&genuine]), (2, true));
    for at in 0..genuine.len() {
        let other = if genuine.as_bytes()[at] == b'0' { "1" } else { "0" };
        let mut forged = genuine.clone();
        forged.replace_range(at..=at, other);
        assert_eq!(check(&[&forged]), (2, false), "digit {at}");
    }
}

/// The same for the formats of other senders: digests of 64 bytes, in base64, as versions.
#[cfg(feature = "schemes")]
mod schemes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::super::verification::signed_id;
    use super::*;
    use crate::scheme::{Encoding, Hash, Scheme, Untimed};

    /// As many secrets as a verifier accepts, and one that it does not know.
    const SECRETS: [&str; 5] = [
        "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR",
        "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh",
        "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs",
        "whsec_Fy6JhS1kPe9CtWx4NaQm7BvGi",
        "whsec_Zt6MsqK1xWu9EoJd5BvNgYc3A",
    ];
    const KNOWN: usize = 4;

    fn secret(number: usize) -> Secret {
        Secret::new(SECRETS[number]).expect("a secret").named(number.to_string())
    }

    /// Four formats: each hash in each encoding, and two grammars with several digests.
    fn formats() -> [(Scheme<Untimed>, &'static str, &'static str); 4] {
        let of = |hash, encoding| Scheme::hmac(hash, "x-signature").encoding(encoding);
        let items = |hash, encoding| of(hash, encoding).items("s").build().expect("a scheme");
        let versions =
            |hash, encoding| of(hash, encoding).versions("v1").build().expect("a scheme");
        [
            (items(Hash::Sha256, Encoding::Base64), "s=", ","),
            (items(Hash::Sha512, Encoding::Hex), "s=", ","),
            (versions(Hash::Sha256, Encoding::Hex), "v1,", " "),
            (versions(Hash::Sha512, Encoding::Base64), "v1,", " "),
        ]
    }

    /// A verifier of this scheme with all known secrets.
    fn verifier(scheme: Scheme<Untimed>) -> Verifier<Untimed> {
        let verifier = scheme.verifier(secret(0));
        verifier.replace_secrets((0..KNOWN).map(secret)).expect("four secrets");
        verifier
    }

    /// The number of comparisons, and the name of the secret that matched.
    fn check(verifier: &Verifier<Untimed>, header: &str) -> (usize, Option<String>) {
        COMPARED.set(0);
        let proof = verifier.verify(header, BODY, 0).ok();
        (COMPARED.get(), proof.map(|proof| proof.secret_name().to_owned()))
    }

    /// The only item of the header that the secret's owner sends.
    fn item(scheme: Scheme<Untimed>, number: usize) -> String {
        let headers = scheme.signer(&secret(number)).headers("", BODY);
        headers.into_iter().next().expect("a signature").1
    }

    /// Seven digests, because a header of 1024 bytes holds no more of SHA-512 in hex.
    #[test]
    fn all_are_compared_whichever_secret_and_digest_match() {
        for (scheme, _, between) in formats() {
            let verifier = verifier(scheme);
            for number in 0..SECRETS.len() {
                let matched = (number < KNOWN).then(|| number.to_string());
                for place in 0..7 {
                    let mut items = vec![item(scheme, KNOWN); 7];
                    items[place] = item(scheme, number);
                    let outcome = check(&verifier, &items.join(between));
                    assert_eq!(outcome, (KNOWN * 7, matched.clone()), "{scheme:?} {place}");
                }
            }
        }
    }

    #[test]
    fn all_are_compared_wherever_the_first_difference_is() {
        for (scheme, before, _) in formats() {
            let verifier = verifier(scheme);
            let genuine = item(scheme, 3);
            assert_eq!(check(&verifier, &genuine), (KNOWN, Some("3".to_owned())));
            let digits = genuine.strip_prefix(before).expect("the item's name");
            let encoding = scheme.sender.format.encoding;
            let digest = match encoding {
                Encoding::Hex => hex::decode(digits).expect("hex"),
                Encoding::Base64 => STANDARD.decode(digits).expect("base64"),
            };
            let is_sha512 = scheme.sender.format.hash == Hash::Sha512;
            assert_eq!(digest.len(), if is_sha512 { 64 } else { 32 });
            for at in 0..digest.len() {
                let mut forged = digest.clone();
                forged[at] ^= 1;
                let digits = match encoding {
                    Encoding::Hex => hex::encode(&forged),
                    Encoding::Base64 => STANDARD.encode(&forged),
                };
                let outcome = check(&verifier, &format!("{before}{digits}"));
                assert_eq!(outcome, (KNOWN, None), "{scheme:?}, byte {at}");
            }
        }
    }

    /// A malformed digest beside a genuine one costs no comparison, and hides none.
    #[test]
    fn malformed_digests_are_not_compared() {
        for (scheme, before, between) in formats() {
            let header = [&item(scheme, 0), &format!("{before}x"), &item(scheme, KNOWN)]
                .map(String::as_str)
                .join(between);
            assert_eq!(check(&verifier(scheme), &header), (KNOWN * 2, Some("0".to_owned())));
        }
    }

    /// Whether two different ids and times can be signed with the same bytes, if the bodies make up for
    /// the difference. The ids have up to four of the characters that matter.
    fn is_ambiguous(separator: &str) -> bool {
        let mut ids = vec![String::new()];
        for length in 0..4 {
            let longest: Vec<_> = ids.iter().filter(|id| id.len() == length).cloned().collect();
            ids.extend(
                longest.iter().flat_map(|id| ["1", ".", "a"].map(|end| format!("{id}{end}"))),
            );
        }
        let ids = ids.iter().filter(|id| signed_id(id.as_bytes(), separator).is_ok());
        let times = ["1", "11", "111"];
        let start = |id: &String, time| format!("{id}{separator}{time}{separator}");
        let mut starts: Vec<_> = ids.flat_map(|id| times.map(|time| start(id, time))).collect();
        starts.sort_unstable();
        starts.windows(2).any(|pair| pair[1].starts_with(&pair[0]))
    }

    /// Otherwise a captured request could be sent again under another id or at another time.
    #[test]
    fn no_bytes_can_be_moved_between_id_time_and_body() {
        let accepts = |separator: &'static str| {
            let builder = Scheme::hmac(Hash::Sha256, "x-signature");
            builder.signed_id_and_time("x-id", "x-time", separator).build().is_ok()
        };
        for separator in [".", "a", "..", ".a", ".a.", "a.a", "aa", "a..a"] {
            assert!(accepts(separator) && !is_ambiguous(separator), "{separator:?}");
        }
        for separator in ["1", ".1.", "a1a", ".11.", ".1.1."] {
            assert!(!accepts(separator) && is_ambiguous(separator), "{separator:?}");
        }
    }
}
