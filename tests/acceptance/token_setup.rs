//! Tokens and layers with tokens that cannot be created.

use nevent_webhooks::token::{Token, TokenLayer, TokenSetupError};

use super::tokens::{HEADER, PREVIOUS, TOKEN, token};

#[test]
fn a_token_that_cannot_be_one_is_an_error_that_does_not_show_it() {
    let refused = |token: Result<Token, TokenSetupError>| {
        let text = token.expect_err("no token").to_string();
        assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
        text
    };
    for (text, start) in [
        ("", "the token is empty: "),
        ("secret123", "the token is 9 bytes long and 16 is the least: "),
        ("xxxxxxxxxxxxxxxxxxxxxxx", "the token repeats the same few characters: "),
        ("k5EKJQnf9sMX••••", "the token is masked "),
        ("${MAKE_TOKEN_OF_MINE}", "the token is a placeholder"),
        ("MAKE_TOKEN=k5EKJQnf9sMX2vYzJdHG3L8pR", "the token looks like a whole line "),
        ("Bearer k5EKJQnf9sMX2vYzJdHG3L8pR", "character 7 of the token is U+0020: "),
    ] {
        assert!(refused(Token::header(HEADER, text)).starts_with(start), "{text}");
        assert!(refused(Token::bearer(text)).starts_with(start), "{text}");
        let start = start.replace("token", "password");
        assert!(refused(Token::basic("mailjet", text)).starts_with(&start), "{text}");
    }
    assert!(refused(Token::basic("mail:jet", TOKEN)).starts_with("the user contains a colon"));
    assert!(refused(Token::header("X-Token", TOKEN)).contains("in lower case"));
    let long = TOKEN.repeat(90);
    assert!(refused(Token::bearer(&long)).starts_with("the token is 2250 bytes long and 2048"));
}

#[test]
fn tokens_that_do_not_belong_together_are_an_error() {
    let other = |number: usize| Token::header(HEADER, format!("{PREVIOUS}{number}"));
    let many: Result<Vec<_>, _> = (0..5).map(other).collect();
    let many = many.expect("tokens");
    let build = |tokens: Vec<Token>| TokenLayer::builder(tokens).build().map(drop);
    assert_eq!(build(many[..4].to_vec()), Ok(()));
    assert_eq!(build(many), Err(TokenSetupError::TooManyTokens));
    assert_eq!(build(Vec::new()), Err(TokenSetupError::NoToken));
    let same = build(vec![token(), token().named("again")]).expect_err("the same twice");
    assert!(same.to_string().starts_with(r#"the tokens "primary" and "again" are the same: "#));
    for elsewhere in [Token::bearer(PREVIOUS), Token::header("x-token", PREVIOUS)] {
        let both = vec![token(), elsewhere.expect("a token")];
        assert_eq!(build(both), Err(TokenSetupError::DifferentPlaces));
    }
    for layer in [
        TokenLayer::builder([token()]).id_header(HEADER),
        TokenLayer::builder([token()]).event_header("X-Event"),
        TokenLayer::builder([token()]).id_in_body("data..id"),
    ] {
        assert!(matches!(layer.build(), Err(TokenSetupError::Name(_))));
    }
}
