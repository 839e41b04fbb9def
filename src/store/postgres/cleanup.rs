use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::types::Type;

use super::{PostgresStoreError, Shared};

/// The pause between two clean-ups, in which few rows expire even at full load.
const PAUSE: Duration = Duration::from_secs(2);

/// Few enough that no batch holds its locks for long.
const BATCH: i32 = 1_000;

/// Deletes expired rows for as long as the store lives.
pub(super) fn start(shared: &Arc<Shared>) {
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        loop {
            sleep(PAUSE).await;
            let Some(again) = delete_all_expired(&shared).await else { return };
            // The next clean-up tries again. Claims tell of a server that is down.
            let _ = again;
        }
    });
}

/// Deletes expired rows until there are none. `None` if the store is no more.
async fn delete_all_expired(shared: &Weak<Shared>) -> Option<Result<(), PostgresStoreError>> {
    loop {
        let shared = shared.upgrade()?;
        match shared.delete_expired().await {
            Ok(deleted) if deleted >= i64::from(BATCH) => {}
            other => return Some(other.map(drop)),
        }
    }
}

impl Shared {
    async fn delete_expired(&self) -> Result<i64, PostgresStoreError> {
        let (begin, query) = (&self.begin.clean_up, &self.schema.delete_expired);
        Ok(self.pool.query(begin, query, &[(&BATCH, Type::INT4)]).await?.get(0))
    }
}
