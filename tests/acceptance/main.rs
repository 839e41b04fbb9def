//! What a receiver answers, over real sockets, on every adapter.
//!
//! `README.md` has the rows of the acceptance table and the files of their tests; a test is named
//! after its row. Tests without a row: `order` has requests with several faults, `batch_limits` what
//! bounds batches, `event_ids` deliveries that are claimed by their event's id, and `claim_states`
//! handlers that complete a delivery themselves.

#[path = "../support/mod.rs"]
mod support;

mod batch_deadline;
mod batch_limits;
mod batches;
mod body;
mod body_memory;
mod budget;
mod claim_states;
mod delivery_id;
mod event_ids;
mod events;
mod failures;
#[cfg(feature = "schemes")]
mod handshake_route;
#[cfg(feature = "schemes")]
mod handshakes;
mod leases;
mod limits;
mod lost_leases;
mod observation;
mod observers;
mod odd_events;
mod order;
mod outcomes;
mod outer_layers;
mod rejection_responses;
mod repeats;
mod replays;
mod rotation;
#[cfg(feature = "schemes")]
mod schemes_batches;
#[cfg(feature = "schemes")]
mod schemes_creation;
#[cfg(feature = "schemes")]
mod schemes_handler;
#[cfg(feature = "schemes")]
mod schemes_identity;
#[cfg(feature = "schemes")]
mod schemes_retention;
#[cfg(feature = "schemes")]
mod schemes_signature;
#[cfg(feature = "schemes")]
mod schemes_tenants;
#[cfg(feature = "schemes")]
mod schemes_terms;
#[cfg(feature = "schemes")]
mod schemes_time;
mod scopes;
mod signature;
mod signature_form;
#[cfg(feature = "source")]
mod source_route;
#[cfg(feature = "source")]
mod sources;
#[cfg(feature = "source")]
mod sources_proxies;
#[cfg(feature = "source")]
mod sources_setup;
mod store_faults;
mod table;
mod tenants;
mod time;
#[cfg(feature = "schemes")]
mod token_setup;
#[cfg(feature = "schemes")]
mod tokens;
#[cfg(feature = "schemes")]
mod tokens_once;
#[cfg(feature = "schemes")]
mod url_verification;
