use super::{BlockingTransaction, CompleteError, CompletionStatement, Transaction};
use crate::store::CompletionSql;
use crate::{ClaimHandle, ClaimState, Delivery};

impl ClaimHandle {
    /// Completes the delivery or event in the handler's transaction, and commits the transaction: the
    /// effect and the record of it, both or none.
    ///
    /// The layer's store must keep its records in the same database. Roll back by returning the error
    /// with `?`, which drops the transaction.
    ///
    /// # Errors
    ///
    /// See [`CompleteError`]. After [`CompleteError::Database`] the transaction may have been
    /// committed all the same, if only the answer was lost. Return the error: the sender's retry is
    /// then told `Already processed`. Never repeat the effect in another transaction: it would end in
    /// [`CompleteError::AlreadyCompleted`].
    pub async fn commit<T: Transaction>(&self, mut transaction: T) -> Result<(), CompleteError> {
        self.complete_in(&mut transaction).await?;
        transaction.commit().await?;
        if T::COMMIT_IS_FINAL {
            self.note(ClaimState::Committed);
        }
        Ok(())
    }

    /// Completes the delivery or event in the handler's transaction, which the handler then commits
    /// itself. This must be the last statement of the outermost transaction.
    ///
    /// If the handler returns 2xx, the layer asks the store whether the transaction was committed,
    /// which [`ClaimHandle::commit`] makes unnecessary. If it was not, the sender gets a 500.
    ///
    /// # Errors
    ///
    /// See [`CompleteError`]. The transaction can then not be committed.
    pub async fn complete_in<T: Transaction>(
        &self,
        transaction: &mut T,
    ) -> Result<(), CompleteError> {
        let statement = self.statement_for(T::DATABASE)?;
        transaction.execute(&statement).await.inspect_err(|_| self.note(ClaimState::Refused))
    }

    /// As [`ClaimHandle::commit`], for a driver without futures.
    ///
    /// Call it where your code may block, such as in `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    ///
    /// As for [`ClaimHandle::commit`].
    pub fn commit_blocking<T: BlockingTransaction>(
        &self,
        mut transaction: T,
    ) -> Result<(), CompleteError> {
        self.complete_in_blocking(&mut transaction)?;
        transaction.commit()?;
        self.note(ClaimState::Committed);
        Ok(())
    }

    /// As [`ClaimHandle::complete_in`], for a driver without futures.
    ///
    /// # Errors
    ///
    /// See [`CompleteError`]. SQLite has then rolled back the whole transaction. Execute nothing more:
    /// each further statement would be committed alone.
    pub fn complete_in_blocking<T: BlockingTransaction>(
        &self,
        transaction: &mut T,
    ) -> Result<(), CompleteError> {
        let statement = self.statement_for(T::DATABASE)?;
        transaction.execute(&statement).inspect_err(|_| self.note(ClaimState::Refused))
    }

    /// The statement that completes the delivery or event, for a driver that has no [`Transaction`].
    ///
    /// From now on the layer takes the statement for executed: if the handler returns 2xx, it asks the
    /// store whether the transaction was committed.
    ///
    /// # Errors
    ///
    /// [`CompleteError::NotTransactional`] if the layer's store has no such statement.
    pub fn statement(&self) -> Result<CompletionStatement<'_>, CompleteError> {
        let sql = self.sql().ok_or(CompleteError::NotTransactional)?;
        // Before the statement is sent: a handler that is dropped meanwhile may have sent it.
        self.note(ClaimState::Staged);
        Ok(CompletionStatement::new(sql, self.claim()))
    }

    fn statement_for(
        &self,
        transaction: &'static str,
    ) -> Result<CompletionStatement<'_>, CompleteError> {
        match self.sql().map(CompletionSql::database) {
            Some(store) if store != transaction => {
                Err(CompleteError::OtherDatabase { store, transaction })
            }
            _ => self.statement(),
        }
    }
}

impl Delivery {
    /// Completes the delivery in the handler's transaction, and commits the transaction: the effect
    /// and the record of it, both or none. See [`ClaimHandle::commit`].
    ///
    /// # Errors
    ///
    /// See [`CompleteError`], and [`CompleteError::NotClaimed`] without a
    /// [`DedupeLayer`](crate::DedupeLayer).
    pub async fn commit<T: Transaction>(&self, transaction: T) -> Result<(), CompleteError> {
        self.claim().ok_or(CompleteError::NotClaimed)?.commit(transaction).await
    }

    /// Completes the delivery in the handler's transaction, which the handler then commits itself.
    /// See [`ClaimHandle::complete_in`].
    ///
    /// # Errors
    ///
    /// As for [`Delivery::commit`].
    pub async fn complete_in<T: Transaction>(
        &self,
        transaction: &mut T,
    ) -> Result<(), CompleteError> {
        self.claim().ok_or(CompleteError::NotClaimed)?.complete_in(transaction).await
    }

    /// As [`Delivery::commit`], for a driver without futures, such as `rusqlite`.
    ///
    /// Call it where your code may block, such as in `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    ///
    /// As for [`Delivery::commit`].
    pub fn commit_blocking<T: BlockingTransaction>(
        &self,
        transaction: T,
    ) -> Result<(), CompleteError> {
        self.claim().ok_or(CompleteError::NotClaimed)?.commit_blocking(transaction)
    }

    /// As [`Delivery::complete_in`], for a driver without futures. See
    /// [`ClaimHandle::complete_in_blocking`].
    ///
    /// # Errors
    ///
    /// As for [`ClaimHandle::complete_in_blocking`], and [`CompleteError::NotClaimed`] without a
    /// [`DedupeLayer`](crate::DedupeLayer).
    pub fn complete_in_blocking<T: BlockingTransaction>(
        &self,
        transaction: &mut T,
    ) -> Result<(), CompleteError> {
        self.claim().ok_or(CompleteError::NotClaimed)?.complete_in_blocking(transaction)
    }
}
