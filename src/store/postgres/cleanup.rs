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
            if delete_all_expired(&shared).await.is_none() {
                return;
            }
        }
    });
}

/// Deletes expired rows until there are none, or until an error: the next clean-up tries again, and
/// claims tell of a server that is down. `None` if the store is no more.
async fn delete_all_expired(shared: &Weak<Shared>) -> Option<()> {
    loop {
        let shared = shared.upgrade()?;
        match shared.delete_expired().await {
            Ok(deleted) if deleted >= i64::from(BATCH) => {}
            _ => return Some(()),
        }
    }
}

impl Shared {
    async fn delete_expired(&self) -> Result<i64, PostgresStoreError> {
        let (begin, query) = (&self.begin.clean_up, &self.schema.delete_expired);
        Ok(self.pool.query(Some(begin), query, &[(&BATCH, Type::INT4)]).await?.get(0))
    }
}
