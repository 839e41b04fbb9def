//! One file per topic; each stack handles a genuine delivery, and handles it once.
#![cfg(test)]

mod axum_middleware;
mod axum_routes;
mod bridges;
mod concurrency_limit;
mod fallible_services;
mod hyper_server;
mod lambda;
mod outer_layers;
mod receiver;
mod tonic_body;
mod tower_http_layers;
