use std::time::Duration;

use super::ledger::Balance;
use super::{Ledger, ReceiverProcess, Sender};

/// Two receiver processes with one memory, and a sender.
pub struct Load {
    pub receivers: Vec<ReceiverProcess>,
    pub ledger: Ledger,
    pub sender: Sender,
}

/// Retries within 10 s in all.
const MINUTE: Duration = Duration::from_millis(20);
const HANDLER: Duration = Duration::from_millis(2);

impl Load {
    pub fn on(redis_url: &str) -> Self {
        let ledger = Ledger::default();
        let start = |_| ReceiverProcess::start(redis_url, HANDLER, &ledger);
        let receivers: Vec<_> = (0..2).map(start).collect();
        let addresses: Vec<_> = receivers.iter().map(ReceiverProcess::address).collect();
        let sender = Sender::new(&addresses, MINUTE, &ledger);
        Self { receivers, ledger, sender }
    }

    /// Ends the receivers, so that nothing is missing in the ledger.
    pub fn balance(mut self) -> Balance {
        self.receivers.iter_mut().for_each(ReceiverProcess::kill);
        let balance = self.ledger.balance();
        println!("{balance}");
        balance
    }
}
