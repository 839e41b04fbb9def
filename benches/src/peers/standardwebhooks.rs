//! `standardwebhooks`: the reference implementation of Standard Webhooks.

use http::{HeaderMap, HeaderValue};
use standardwebhooks::Webhook;

use crate::deliveries::SECRET;
use crate::peers::{times, verifier};
use crate::rounds::Contestant;

pub fn contestant(body: &[u8]) -> Contestant<'static> {
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", body.to_vec());
    let webhook = Webhook::from_bytes(SECRET.into()).expect("a secret");
    let sign = |time: i64| {
        let signature = webhook.sign(id, time, &body).expect("UTF-8");
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static(id));
        headers.insert("webhook-timestamp", time.into());
        headers.insert("webhook-signature", signature.try_into().expect("printable"));
        headers
    };
    let signed = times().map(sign).collect();
    verifier("standardwebhooks", signed, move |headers| webhook.verify(&body, headers).is_ok())
}
