use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::ports::free_port;
use super::relay::{Mode, Shared};

/// Stands between a client and a server, and does to their connections what a
/// network does. Each change holds for what is sent once the call has returned.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(server: SocketAddr) -> Self {
        let shared = Arc::new(Shared::new(server));
        let listener = listen_anywhere().await;
        let address = listener.local_addr().expect("it listens");
        let accepting = tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All is well again. What was held back goes on as if nothing had been.
    pub async fn pass(&self) {
        self.shared.loses_next.store(false, Ordering::SeqCst);
        self.set(Mode::Pass).await;
    }

    /// Accepts connections and moves not a byte, in either direction.
    pub async fn stall(&self) {
        self.set(Mode::Stall).await;
    }

    /// The connections there are stay stalled for good; new ones work.
    pub async fn strand(&self) {
        let below = self.accepted();
        self.shared.rules.send_modify(|rules| rules.stranded_below = below);
        self.set(Mode::Pass).await;
    }

    /// Requests arrive, their answers do not. A connection that lost an answer gives
    /// none ever after: TCP leaves no gaps.
    pub async fn drop_answers(&self) {
        self.set(Mode::DropAnswers).await;
    }

    /// Answers come later, by at least this.
    pub async fn delay(&self, by: Duration) {
        self.set(Mode::Delay(by)).await;
    }

    /// Closes every connection and refuses new ones.
    pub async fn cut(&self) {
        self.set(Mode::Cut).await;
        self.cut_once().await;
    }

    /// Closes every connection; new ones work.
    pub async fn cut_once(&self) {
        self.shared.take_links().shutdown().await;
    }

    /// Forwards the next request, waits for its answer, and closes the connection
    /// instead of passing it on. With requests in flight on that connection, theirs
    /// may be the answer that is lost.
    pub fn lose_next_answer(&self) {
        self.shared.loses_next.store(true, Ordering::SeqCst);
    }

    /// Answers that were lost by `lose_next_answer`.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Connections that neither side has closed.
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Connections there ever were.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Bytes of requests that were forwarded.
    pub fn bytes_forwarded(&self) -> u64 {
        self.shared.bytes_forwarded.load(Ordering::SeqCst)
    }

    /// Bytes of answers that were passed back.
    pub fn bytes_answered(&self) -> u64 {
        self.shared.bytes_answered.load(Ordering::SeqCst)
    }

    async fn set(&self, mode: Mode) {
        self.shared.rules.send_modify(|rules| rules.mode = mode);
        let mut listening = self.shared.listening.subscribe();
        let wanted = mode != Mode::Cut;
        listening.wait_for(|is| *is == wanted).await.expect("the proxy lives");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.take_links().abort_all();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut listener = Some(listener);
    let mut rules = shared.rules.subscribe();
    loop {
        if rules.borrow_and_update().mode == Mode::Cut {
            listener = None;
            shared.listening.send_replace(false);
            let _ = rules.changed().await;
            continue;
        }
        let listening = match listener.take() {
            Some(listening) => listening,
            None => listen_again(address).await,
        };
        shared.listening.send_replace(true);
        tokio::select! {
            biased;
            _ = rules.changed() => {}
            accepted = listening.accept() => if let Ok((client, _)) = accepted {
                shared.admit(client);
            },
        }
        listener = Some(listening);
    }
}

async fn listen_anywhere() -> TcpListener {
    for _ in 0..20 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", free_port())).await {
            return listener;
        }
    }
    panic!("20 ports in a row were taken before the proxy could listen");
}

async fn listen_again(address: SocketAddr) -> TcpListener {
    for _ in 0..500 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("somebody else listens on {address}");
}
