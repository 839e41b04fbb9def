//! The acceptance table: what a receiver answers, row by row, over real sockets.
//!
//! A test is named after its row, and runs on every adapter. `signature_form` and `signature`
//! have the rows s01–s16, `time` t01–t07, `body` b01–b09, `budget` b10, `outer_layers` b11,
//! `delivery_id` i01–i03; the rows d01–d21 are in `repeats`, `replays`, `outcomes`, `leases`,
//! `store_faults`, `limits` and `scopes`, d22–d24 in `lost_leases`, d25 in `batch_limits`, e01–e04 in
//! `events`, e05–e08 in `batches`, e09–e13 in `odd_events`. `batch_limits` is what bounds
//! batches, and `event_ids` what comes when events, and not deliveries, are told apart.
//! `order` has requests with several faults.

mod support;

mod batch_limits;
mod batches;
mod body;
mod budget;
mod delivery_id;
mod event_ids;
mod events;
mod leases;
mod limits;
mod lost_leases;
mod observers;
mod odd_events;
mod order;
mod outcomes;
mod outer_layers;
mod repeats;
mod replays;
mod scopes;
mod signature;
mod signature_form;
mod store_faults;
mod time;
