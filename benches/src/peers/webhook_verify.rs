//! `webhook-verify`: one function for many senders, here for Stripe.

use nevent_webhooks::Signer;
use webhook_verify::{Provider, Secret, VerifyOptions, verify};

use crate::deliveries::{SECRET, secret};
use crate::peers::{times, verifier};
use crate::rounds::Contestant;

pub fn contestant(body: &[u8]) -> Contestant<'static> {
    // Nevent's header has Stripe's form.
    let signer = Signer::new(&secret());
    let sign = |time| vec![("stripe-signature".to_owned(), signer.header(time, body))];
    let deliveries = times().map(sign).collect();
    let (key, body) = (Secret::new(SECRET), body.to_vec());
    verifier("webhook-verify", deliveries, move |headers: &Vec<_>| {
        verify(Provider::Stripe, headers, &body, &key, VerifyOptions::default()).is_ok()
    })
}
