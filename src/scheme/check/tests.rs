//! Every error of a scheme that cannot be built, and schemes that can.

use crate::scheme::{
    Encoding, Hash, Identity, Scheme, SchemeBuilder, SchemeError, Terms, TextKey, Timed, Untimed,
};

fn hmac(header: &'static str) -> SchemeBuilder<Untimed, TextKey> {
    Scheme::hmac(Hash::Sha256, header)
}

fn custom() -> SchemeBuilder<Untimed, TextKey> {
    hmac("x-signature")
}

fn error_of<T, K>(builder: SchemeBuilder<T, K>) -> Option<SchemeError> {
    builder.build().err()
}

#[test]
fn header_names_are_checked() {
    let names = ["", "X-Signature", "x signature", "x:y", "x-\u{e4}", "x\n", "x/y"];
    for name in names {
        let expected = Some(SchemeError::HeaderName(name));
        assert_eq!(error_of(hmac(name)), expected);
        assert_eq!(error_of(custom().signed_time(name, ".")), expected);
        assert_eq!(error_of(custom().signed_id_and_time(name, "x-time", ".")), expected);
        assert_eq!(error_of(custom().signed_id_and_time("x-id", name, ".")), expected);
        assert_eq!(error_of(custom().id_header(name)), expected);
        assert_eq!(error_of(Scheme::svix().builder().id_header(name)), expected);
        assert_eq!(error_of(custom().event_header(name)), expected);
        assert_eq!(error_of(custom().version_header(name)), expected);
    }
    for name in ["x", "x-hub-signature-256", "x_signature", "x.signature", "0"] {
        assert_eq!(error_of(hmac(name)), None, "{name}");
    }
}

/// Whichever two they are.
#[test]
fn a_header_is_used_for_one_thing() {
    const NAMES: [&str; 6] = ["x-a", "x-b", "x-c", "x-d", "x-e", "x-f"];
    let scheme = |[signature, id, time, other_id, event, version]: [&'static str; 6]| {
        hmac(signature)
            .signed_id_and_time(id, time, ".")
            .id_header(other_id)
            .event_header(event)
            .version_header(version)
    };
    assert_eq!(error_of(scheme(NAMES)), Some(SchemeError::TwoIds("x-d")));
    for (first, name) in NAMES.into_iter().enumerate() {
        for second in first + 1..NAMES.len() {
            let mut names = NAMES;
            names[second] = name;
            assert_eq!(error_of(scheme(names)), Some(SchemeError::SameHeader(name)), "{names:?}");
        }
    }
    assert_eq!(
        error_of(custom().id_header("x-signature")),
        Some(SchemeError::SameHeader("x-signature"))
    );
}

#[test]
fn a_sender_that_waits_for_no_time_is_refused() {
    let waiting = |millis| Terms::new().timeout(std::time::Duration::from_millis(millis));
    let error = |millis| error_of(custom().terms(waiting(millis)));
    assert_eq!([error(0), error(999)], [Some(SchemeError::Timeout); 2]);
    assert_eq!(error(1000), None);
}

#[test]
fn separators_are_checked() {
    let timed = |separator| error_of(custom().signed_time("x-time", separator));
    let item = |separator| error_of(custom().items_with_time("t", "v1", separator));
    let with_id = |separator| error_of(custom().signed_id_and_time("x-id", "x-time", separator));
    for separator in ["", "0", "9", "5."] {
        let expected = Some(SchemeError::Separator(separator));
        assert_eq!([timed(separator), item(separator), with_id(separator)], [expected; 3]);
    }
    for separator in [".", ":", "\n", "a", "-.-", "/", "\u{e4}"] {
        assert_eq!([timed(separator), item(separator), with_id(separator)], [None; 3]);
    }
    // `a.1` `.1.` `1` `.1.` `x` is also `a` `.1.` `1` `.1.` `1.x`.
    for separator in [".1.", ".1"] {
        assert_eq!([timed(separator), item(separator)], [None; 2]);
        assert_eq!(with_id(separator), Some(SchemeError::Separator(separator)));
    }
}

#[test]
fn names_of_items_are_checked() {
    for name in ["", "v,1", "v=1", "v 1", "v\t", "v\u{e4}", "v\u{0}"] {
        let expected = Some(SchemeError::ItemName(name));
        assert_eq!(error_of(custom().items(name)), expected);
        assert_eq!(error_of(custom().versions(name)), expected);
        assert_eq!(error_of(custom().items_with_time("t", name, ".")), expected);
        assert_eq!(error_of(custom().items_with_time(name, "v1", ".")), expected);
    }
    let same = custom().items_with_time("v1", "v1", ".");
    assert_eq!(error_of(same), Some(SchemeError::ItemName("v1")));
    assert_eq!(error_of(custom().items("v1")), None);
    assert_eq!(error_of(custom().versions("v1")), None);
}

/// The last call of those that choose a grammar counts.
#[test]
fn a_time_among_items_needs_items() {
    let with_time = custom().items_with_time("t", "v1", ".");
    assert_eq!(error_of(with_time), None);
    assert_eq!(error_of(with_time.digest_prefix("v1=")), Some(SchemeError::NoItems));
    assert_eq!(error_of(with_time.versions("v1")), Some(SchemeError::NoItems));
    assert_eq!(error_of(with_time.versions("v1").items("v2")), None);
    assert_eq!(error_of(Scheme::stripe().builder().digest_prefix("")), Some(SchemeError::NoItems));
}

#[test]
fn paths_into_the_body_are_checked() {
    for path in ["", ".", ".id", "id.", "data..id"] {
        assert_eq!(error_of(custom().id_in_body(path)), Some(SchemeError::BodyField(path)));
    }
    for path in ["id", "data.id", "data.items.0.id", "a b", "\u{e4}"] {
        assert_eq!(error_of(custom().id_in_body(path)), None, "{path}");
    }
}

/// One line, with what is wrong and what to do.
#[test]
fn errors_say_what_to_do() {
    for (error, start, advice) in [
        (SchemeError::HeaderName("X-A"), "\"X-A\" is no name of a header", "such as"),
        (SchemeError::SameHeader("x-a"), "the scheme uses the header \"x-a\" for two", "give each"),
        (
            SchemeError::Separator("0"),
            "with \"0\" between the time and the body",
            "use a separator",
        ),
        (SchemeError::ItemName("v 1"), "\"v 1\" cannot name an item", "use letters"),
        (SchemeError::NoItems, "the time is an item of the signature header", "use `items`"),
        (SchemeError::BodyField("a..b"), "\"a..b\" is no path", "give names"),
    ] {
        let text = error.to_string();
        assert!(text.starts_with(start) && text.contains(advice), "{text}");
        assert_eq!(text.lines().count(), 1);
        assert_eq!(format!("{error:?}"), text);
    }
}

/// Built by the compiler: an error would be one of compilation.
const ACME: Scheme<Timed> = match Scheme::hmac(Hash::Sha512, "x-acme-signature")
    .name("acme")
    .encoding(Encoding::Base64)
    .digest_prefix("v1=")
    .signed_time("x-acme-time", ":")
    .signed_prefix("acme:")
    .id_in_body("data.id")
    .terms(Terms::new().body_limit(4096))
    .build()
{
    Ok(scheme) => scheme,
    Err(_) => panic!("a part is wrong"),
};

#[test]
fn a_scheme_can_be_a_constant() {
    assert_eq!((ACME.name(), ACME.signature_header()), ("acme", "x-acme-signature"));
    assert_eq!(ACME.terms().most_bytes(), 4096);
    assert_eq!(ACME.sender.id.identity(), Identity::BodyField);
    assert_eq!(WRONG, Some(SchemeError::HeaderName("X-Acme")));
}

const WRONG: Option<SchemeError> = match Scheme::hmac(Hash::Sha256, "X-Acme").build() {
    Ok(_) => None,
    Err(error) => Some(error),
};

/// Otherwise a scheme derived from one of them could not be built either.
#[test]
fn every_preset_could_be_built() {
    for built in [Scheme::nevent(), Scheme::stripe(), Scheme::slack()] {
        assert_eq!(error_of(built.builder()), None, "{}", built.name());
    }
    for built in [Scheme::github(), Scheme::meta(), Scheme::shopify()] {
        assert_eq!(error_of(built.builder()), None, "{}", built.name());
    }
    for built in [Scheme::standard_webhooks(), Scheme::svix()] {
        assert_eq!(error_of(built.builder()), None, "{}", built.name());
    }
}

/// `printf 'acme:{}' | openssl dgst -sha256 -hmac generic_secret_0123456789abcdef`
#[test]
fn a_prefix_is_signed_also_before_the_body_alone() {
    let scheme = custom().signed_prefix("acme:").build().expect("a scheme");
    let secret = crate::Secret::new("generic_secret_0123456789abcdef").expect("a secret");
    let header = "f375c2ee36551e146d2fdadfdef0e4c7eb92bb64872acffb0e297603bfc763ad";
    assert_eq!(scheme.signer(&secret).headers("", b"{}"), [("x-signature", header.to_owned())]);
    let verifier = scheme.verifier(secret);
    assert!(verifier.verify(header, b"{}", 0).is_ok());
    assert!(verifier.verify(header, b"acme:{}", 0).is_err());
}
