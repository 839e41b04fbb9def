//! A table in the `PostgreSQL` that holds the receiver's records.
//!
//! One transaction inserts the entry and completes the delivery's claim. So an entry is in the table
//! exactly once, whatever crashes. The worker takes entries with `FOR UPDATE SKIP LOCKED` and a lease,
//! and deletes each when it is done.
//!
//! | part | is |
//! | --- | --- |
//! | [`PostgresOptions`] | the database's URL, the queue's name and its settings, the same for all parts |
//! | [`PostgresQueue`] | the receiver's half, for `hand_over` |
//! | [`PostgresWorker`] | the worker's half: runs [`Once`](nevent_webhooks::queue::Once) for each entry |
//! | [`PostgresDeadLetters`] | lists, replays and deletes dead letters |
//!
//! `PostgreSQL` 13 or later. The table is `nevent_webhooks.entries`:
//!
//! | an entry | has |
//! | --- | --- |
//! | that waits | `run_at`: when it is due |
//! | that a worker has | `lease`: which worker has it; `run_at`: when the lease expires |
//! | that is a dead letter | `dead_at`: since when, and `reason`: why |

mod batch;
mod check;
mod database;
mod dead_letters;
mod entries;
mod error;
mod handling;
mod options;
mod queue;
mod schema;
mod tls;
mod upkeep;
mod url;
mod wake;
mod worker;

pub use self::dead_letters::PostgresDeadLetters;
pub use self::error::PostgresError;
pub use self::options::PostgresOptions;
pub use self::queue::PostgresQueue;
pub use self::worker::PostgresWorker;
