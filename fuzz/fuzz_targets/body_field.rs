//! Any bytes as a body that holds the delivery's id: the id must be the one that a plain
//! reading of the whole body finds.
//!
//! The first byte chooses the path, the rest is the body.
#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::scheme::{Hash, Identity, Scheme, Untimed};
use nevent_webhooks::{Delivery, Secret, VerifiedBody, Verifier, VerifyLayer};
use nevent_webhooks_fuzz::json::Json;
use nevent_webhooks_fuzz::stack::run;
use nevent_webhooks_fuzz::{SECRET, hex, hmac_sha256};
use sha2::{Digest, Sha256};
use tower::{Layer, ServiceExt, service_fn};

const PATHS: [&str; 6] = ["id", "data.id", "0.id", "data.items.1", "id.0.0", "\u{e4}.\"a"];

static LAYERS: LazyLock<[VerifyLayer; PATHS.len()]> =
    LazyLock::new(|| PATHS.map(|path| VerifyLayer::new(verifier(path))));

fn verifier(path: &'static str) -> Verifier<Untimed> {
    let scheme = Scheme::hmac(Hash::Sha256, "x-signature").id_in_body(path).build().unwrap();
    scheme.verifier(Secret::new(SECRET).unwrap())
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    let choice = usize::from(choice.wrapping_sub(b'a')) % PATHS.len();
    let (id, identity) = run(delivered(&LAYERS[choice], body));
    // What no reader of the whole body can hold is left out: large numbers, odd text, depth.
    let Ok(json) = serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
    else {
        return;
    };
    match by_a_plain_reading(&json, PATHS[choice]) {
        Some(Found::Id(found)) => {
            assert_eq!((id, identity), (claimed(&found), Identity::BodyField));
        }
        Some(Found::Number) => {}
        None => assert_eq!((id, identity), (hash_of(body), Identity::BodyHash)),
    }
});

/// The id that the handler sees, and where it is from.
async fn delivered(layer: &VerifyLayer, body: &[u8]) -> (String, Identity) {
    let handler = service_fn(async |request: Request<VerifiedBody>| {
        let mut response = Response::new(Full::<Bytes>::default());
        let delivery = request.extensions().get::<Delivery>().unwrap();
        response.extensions_mut().insert((delivery.id().as_str().to_owned(), delivery.identity()));
        Ok::<_, Infallible>(response)
    });
    let signature = hex(&hmac_sha256(SECRET.as_bytes(), body));
    let request = Request::post("/").header("x-signature", signature);
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    response.extensions().get().cloned().expect("a genuine delivery")
}

enum Found {
    Id(String),
    /// Of which `Json` keeps no digits. It may be whole.
    Number,
}

fn by_a_plain_reading(json: &Json, path: &str) -> Option<Found> {
    let found = path.split('.').try_fold(json, |json, name| match json {
        Json::Object(_) if json.count(name) == 1 => json.field(name),
        Json::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    });
    match found? {
        Json::Text(id) if !id.is_empty() => Some(Found::Id(id.clone())),
        Json::Integer(number) if *number >= 0 => Some(Found::Id(number.to_string())),
        Json::Number => Some(Found::Number),
        _ => None,
    }
}

/// An id that no header could hold goes by its hash, and so does one that looks like a hash.
fn claimed(id: &str) -> String {
    let is_plain = id.len() <= 128 && id.chars().all(|c| matches!(c, ' '..='~'));
    let is_like_a_hash = ["sha256:", "id-sha256:"].iter().any(|start| id.starts_with(start));
    let hash = || format!("id-{}", hash_of(id.as_bytes()));
    if is_plain && !is_like_a_hash { id.to_owned() } else { hash() }
}

fn hash_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}
