use nevent_webhooks::scheme::{Hash, Scheme};

fn twice() {
    let _ = Scheme::hmac(Hash::Sha256, "x-signature")
        .signed_time("x-timestamp", ".")
        .signed_time("x-other-timestamp", ".");
}

fn on_a_scheme_with_a_time() {
    let _ = Scheme::stripe().builder().signed_time("x-timestamp", ".");
}

fn main() {}
