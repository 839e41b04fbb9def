//! Texts that are accepted as signing secrets: every random secret, and none that was damaged on
//! its way into the configuration.

use std::hash::{BuildHasher, RandomState};

use nevent_webhooks::{RotationError, Secret, SecretError, Signer, Verifier, VerifyError};

#[path = "support/secrets.rs"]
mod support;

use support::SECRET;

fn refused(text: &str) -> SecretError {
    let Err(error) = Secret::new(text) else { panic!("{text:?} is taken for a secret") };
    let message = error.to_string();
    assert!(!message.contains('\n'), "one line: {message}");
    let pieces = SECRET.as_bytes().windows(4).skip(6);
    for piece in pieces.map(|piece| std::str::from_utf8(piece).expect("ASCII")) {
        assert!(!message.contains(piece), "{message:?} shows the secret's {piece:?}");
    }
    error
}

/// Anywhere in it: the error names the character and its place.
#[test]
fn characters_that_no_secret_has_are_named_with_their_place() {
    for (character, name) in [
        ('\u{feff}', "a byte order mark (U+FEFF)"),
        ('\u{200b}', "a zero-width space (U+200B)"),
        ('\u{2060}', "a word joiner (U+2060)"),
        ('\u{ad}', "a soft hyphen (U+00AD)"),
        ('\u{200e}', "a mark of writing direction (U+200E)"),
        ('\u{301}', "a combining mark (U+0301)"),
        ('\u{a0}', "a no-break space (U+00A0)"),
        ('\u{3000}', "white space (U+3000)"),
        ('\u{201c}', "a curly quote (U+201C)"),
        ('\u{2019}', "a curly quote (U+2019)"),
        ('\u{2013}', "a dash that is not a hyphen (U+2013)"),
        ('\u{ff41}', "a full-width character (U+FF41)"),
        ('\u{e9}', "not ASCII (U+00E9)"),
        ('\u{1f511}', "not ASCII (U+1F511)"),
        ('`', "a backtick (U+0060)"),
        ('"', "a double quote (U+0022)"),
        ('\'', "a single quote (U+0027)"),
        ('\\', "a backslash (U+005C)"),
        (' ', "a space (U+0020)"),
        ('\t', "a tab (U+0009)"),
        ('\n', "a line feed (U+000A)"),
        ('\r', "a carriage return (U+000D)"),
        ('\0', "a control character (U+0000)"),
        ('\u{7f}', "a control character (U+007F)"),
    ] {
        for at in [0, 1, 6, 20, SECRET.len()] {
            let mut text = SECRET.to_owned();
            text.insert(at, character);
            let error = refused(&text);
            let place = at + 1;
            assert_eq!(error, SecretError::Character { character, place });
            let start = format!("character {place} of the signing secret is {name}: ");
            assert!(error.to_string().starts_with(&start), "{error}");
        }
    }
}

/// Places are those of characters, and not of bytes; of several, the first is named.
#[test]
fn places_are_counted_in_characters() {
    let [first, second] = ["\u{feff}\u{200b}", "whsec_k\u{e9}\u{200b}"].map(refused);
    assert_eq!(first, SecretError::Character { character: '\u{feff}', place: 1 });
    assert_eq!(second, SecretError::Character { character: '\u{e9}', place: 8 });
}

#[test]
fn text_around_a_secret_is_refused() {
    for (text, place) in [
        (format!("{SECRET} # of the shop"), 32),
        (format!("{SECRET}\t# of the shop"), 32),
        (format!("{SECRET}\\n"), 32),
        (format!("{SECRET}\r\n"), 32),
        (format!("{SECRET}\n{SECRET}"), 32),
        (format!("\u{201c}{SECRET}\u{201d}"), 1),
        (format!("`{SECRET}`"), 1),
    ] {
        let error = refused(&text);
        let named = |at| matches!(error, SecretError::Character { place, .. } if place == at);
        assert!(named(place), "{text:?}: {error}");
    }
    for name in ["NEVENT_WEBHOOK_SECRET=", "export SECRET=", "SECRET = ", "--secret="] {
        assert_eq!(refused(&format!("{name}{SECRET}")), SecretError::Assignment);
        assert_eq!(refused(&format!("{name}'{SECRET}'")), SecretError::Assignment);
    }
}

#[test]
fn a_placeholder_for_a_secret_is_refused() {
    for placeholder in [
        "${NEVENT_WEBHOOK_SECRET}",
        "${NEVENT_WEBHOOK_SECRET:-}",
        "whsec_${SECRET}",
        "$NEVENT_WEBHOOK_SECRET",
        "$(cat /run/secrets/nevent)",
        "{{ secrets.NEVENT }}",
        "%NEVENT_WEBHOOK_SECRET%",
        "<your-signing-secret>",
        "op://shop/nevent/secret",
    ] {
        assert_eq!(refused(placeholder), SecretError::Placeholder, "{placeholder}");
    }
    for masked in [
        "whsec_k5E•••••••••••••••••",
        "whsec_••••••••",
        "••••••••••••••••8pRz",
        "whsec_****************",
        "whsec_k...............",
        "whsec_k…",
        "whsec_xxxxxxxxxxxxxxxx",
    ] {
        assert_eq!(refused(masked), SecretError::Masked, "{masked}");
    }
    for nothing in ["", " ", "\r\n", "\u{a0}"] {
        assert_eq!(refused(nothing), SecretError::Empty);
    }
}

/// Random texts, in the alphabets in which senders and `openssl rand` write secrets.
#[test]
fn every_random_secret_is_accepted() {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (base64, base64_url) = (format!("{LETTERS}+/"), format!("{LETTERS}-_"));
    let alphabets = [&*base64, &base64_url, LETTERS, "0123456789abcdef", "0123456789ABCDEF"];
    let random = |below: usize| {
        let drawn = usize::try_from(RandomState::new().hash_one(below) >> 33).expect("31 bits");
        drawn % below
    };
    for n in 0..100_000 {
        let alphabet = alphabets[n % alphabets.len()].as_bytes();
        // One in thirty thousand texts of 16 hex digits has fewer than six different ones.
        let least = if alphabet.len() > 16 { 16 } else { 32 };
        let length = least + random(73);
        let mut text = String::from(["", "whsec_"][random(2)]);
        text.extend((0..length).map(|_| char::from(alphabet[random(alphabet.len())])));
        text.push_str(["", "=", "=="][random(3)]);
        assert!(Secret::new(&text).is_ok(), "{text}: {:?}", Secret::new(&text));
    }
}

/// Set twice, by mistake: the previous secret would be refused, and nobody would know why.
#[test]
fn a_secret_is_taken_once() {
    let secret = |text: &str, name: &'static str| Secret::new(text).expect("a secret").named(name);
    let [other, third] = ["whsec_0aVnD4bWmTzq7RsuPyXc1LfEh", "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs"];
    let two = [secret(SECRET, "current"), secret(other, "before")];
    Verifier::with_secrets(two.clone()).expect("two secrets");
    for (text, name) in [(SECRET, "current"), (other, "before")] {
        let three = two.clone().into_iter().chain([secret(text, "previous")]);
        let error = Verifier::with_secrets(three).expect_err("known already");
        let RotationError::SameSecret { names, .. } = &error else { panic!("{error}") };
        assert_eq!(names, &[name, "previous"]);
        let start = format!("the secrets \"{name}\" and \"previous\" are the same: ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    let third = secret(third, "third");
    let fourth = secret("whsec_fourth0fourth0fourth0", "fourth");
    let four: Vec<_> = two.into_iter().chain([third, fourth]).collect();
    let verifier = Verifier::with_secrets(four.clone()).expect("four secrets");
    let five = four.into_iter().chain([secret("whsec_fifth00fifth00fifth00", "fifth")]);
    assert_eq!(verifier.replace_secrets(five), Err(RotationError::TooManySecrets));
    assert_eq!(verifier.replace_secrets([]), Err(RotationError::NoSecret));
}

/// A verification in progress finishes with the secrets it began with.
#[test]
fn secrets_are_replaced_in_all_clones() {
    let secret = |text: &str, name: &'static str| Secret::new(text).expect("a secret").named(name);
    let old = secret(SECRET, "old");
    let new = secret("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh", "new");
    let [by_old, by_new] = [&old, &new].map(|secret| Signer::new(secret).header(1, b"{}"));
    let verifier = Verifier::new(old.clone());
    let clone = verifier.clone();
    let in_progress = || {
        let mut verification = clone.begin([by_old.as_bytes()]).expect("well-formed");
        verification.update(b"{}");
        verification
    };
    let name = |header: &str| clone.verify(header, b"{}", 1).map(|v| v.secret_name().to_owned());

    let begun = in_progress();
    assert_eq!(name(&by_new), Err(VerifyError::InvalidSignature));
    verifier.replace_secrets([new.clone(), old.clone()]).expect("two secrets");
    assert_eq!(name(&by_new), Ok("new".to_owned()));
    assert_eq!(name(&by_old), Ok("old".to_owned()));

    let begun_with_both = in_progress();
    verifier.replace_secrets([new.clone()]).expect("one secret");
    assert_eq!(name(&by_new), Ok("new".to_owned()));
    assert_eq!(name(&by_old), Err(VerifyError::InvalidSignature));
    assert!(begun.finish(1).is_ok() && begun_with_both.finish(1).is_ok());
    assert_eq!((old.matches(), new.matches()), (3, 2));

    verifier.replace_secrets([new.clone(), new]).expect_err("the same secret twice");
    assert!(name(&by_new).is_ok(), "an error changes nothing");
}
