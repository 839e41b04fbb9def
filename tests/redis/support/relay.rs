//! One connection through the proxy.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, Ready};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    Stall,
    DropAnswers,
    Delay(Duration),
    Cut,
}

#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub mode: Mode,
    /// Connections numbered below this are stalled whatever the mode.
    pub stranded_below: u64,
}

/// The state that the proxy and its connections share.
#[derive(Debug)]
pub struct Shared {
    server: SocketAddr,
    pub rules: watch::Sender<Rules>,
    pub listening: watch::Sender<bool>,
    pub loses_next: AtomicBool,
    pub lost: AtomicU64,
    pub open: AtomicU64,
    pub accepted: AtomicU64,
    pub bytes_forwarded: AtomicU64,
    pub bytes_answered: AtomicU64,
    links: Mutex<JoinSet<()>>,
}

impl Shared {
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            rules: watch::Sender::new(Rules { mode: Mode::Pass, stranded_below: 0 }),
            listening: watch::Sender::new(true),
            loses_next: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            bytes_forwarded: AtomicU64::new(0),
            bytes_answered: AtomicU64::new(0),
            links: Mutex::default(),
        }
    }

    pub fn admit(self: &Arc<Self>, client: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let link = Link {
            number: self.accepted.fetch_add(1, Ordering::SeqCst),
            open: Open(Arc::clone(self)),
            shared: Arc::clone(self),
            loses: AtomicBool::new(false),
        };
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.spawn(link.carry(client));
    }

    pub fn take_links(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.links.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Link {
    number: u64,
    open: Open,
    shared: Arc<Shared>,
    /// Its next answer is to be lost.
    loses: AtomicBool,
}

/// Counts as an open connection.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Link {
    async fn carry(self, mut client: TcpStream) {
        let Self { number, open, shared, loses } = self;
        let mut flow = Flow { number, rules: shared.rules.subscribe() };
        let mut open = Some(open);
        let (from_client, to_client) = client.split();
        flow.is_free_or_hung_up(&from_client, &mut open).await;
        let Ok(mut server) = TcpStream::connect(shared.server).await else { return };
        let _ = (to_client.as_ref().set_nodelay(true), server.set_nodelay(true));
        let (from_server, to_server) = server.split();
        let requests = Requests { shared: &shared, flow: flow.clone(), loses: &loses, open };
        let answers = Answers { shared: &shared, flow, loses: &loses };
        tokio::select! {
            () = answers.carry(from_server, to_client) => {}
            // The client has said its last; the answers to it are still to come.
            () = async {
                requests.carry(from_client, to_server).await;
                pending::<()>().await;
            } => {}
        }
    }
}

#[derive(Clone)]
struct Flow {
    number: u64,
    rules: watch::Receiver<Rules>,
}

impl Flow {
    fn is_stalled(&mut self) -> bool {
        let rules = *self.rules.borrow_and_update();
        rules.mode == Mode::Stall || self.number < rules.stranded_below
    }

    async fn is_free(&mut self) {
        while self.is_stalled() {
            self.has_changed().await;
        }
    }

    /// Waits like `is_free`. A client that hangs up meanwhile counts as gone, although the bytes
    /// it sent are still to arrive.
    async fn is_free_or_hung_up(&mut self, client: &ReadHalf<'_>, open: &mut Option<Open>) {
        while self.is_stalled() {
            tokio::select! {
                () = self.has_changed() => {}
                () = hung_up(client), if open.is_some() => *open = None,
            }
        }
    }

    async fn has_changed(&mut self) {
        if self.rules.changed().await.is_err() {
            pending::<()>().await;
        }
    }

    /// Reads the next bytes, once they may flow; 0 at the end.
    async fn read(&mut self, from: &mut ReadHalf<'_>, buffer: &mut [u8]) -> Option<usize> {
        tokio::select! {
            biased;
            () = self.has_changed() => None,
            count = from.read(buffer) => Some(count.unwrap_or(0)),
        }
    }
}

async fn hung_up(client: &ReadHalf<'_>) {
    while !client.ready(Interest::READABLE).await.is_ok_and(Ready::is_read_closed) {
        // It is ready all the time if there is something to read.
        sleep(Duration::from_millis(10)).await;
    }
}

struct Requests<'a> {
    shared: &'a Shared,
    flow: Flow,
    loses: &'a AtomicBool,
    open: Option<Open>,
}

impl Requests<'_> {
    async fn carry(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let mut buffer = vec![0; 65_536];
        loop {
            self.flow.is_free_or_hung_up(&from, &mut self.open).await;
            let Some(count) = self.flow.read(&mut from, &mut buffer).await else { continue };
            if count == 0 {
                break;
            }
            if self.shared.loses_next.swap(false, Ordering::SeqCst) {
                self.loses.store(true, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                break;
            }
            self.shared.bytes_forwarded.fetch_add(count as u64, Ordering::SeqCst);
        }
        self.open = None;
        let _ = to.shutdown().await;
    }
}

struct Answers<'a> {
    shared: &'a Shared,
    flow: Flow,
    loses: &'a AtomicBool,
}

impl Answers<'_> {
    /// To the end of the connection.
    async fn carry(self, from: ReadHalf<'_>, to: WriteHalf<'_>) {
        let (answers, due) = mpsc::unbounded_channel();
        let pass_on = Due { flow: self.flow.clone(), shared: self.shared, answers: due };
        tokio::select! {
            () = pass_on.carry(to) => {}
            () = async {
                self.read(from, answers).await;
                pending::<()>().await;
            } => {}
        }
    }

    /// Sends each answer on with the moment when it is due.
    async fn read(
        mut self,
        mut from: ReadHalf<'_>,
        answers: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    ) {
        let mut buffer = vec![0; 65_536];
        let mut mute = false;
        loop {
            self.flow.is_free().await;
            let Some(count) = self.flow.read(&mut from, &mut buffer).await else { continue };
            if count == 0 {
                return;
            }
            if self.loses.load(Ordering::SeqCst) {
                self.shared.lost.fetch_add(1, Ordering::SeqCst);
                return;
            }
            let mode = self.flow.rules.borrow().mode;
            mute |= mode == Mode::DropAnswers;
            let delay = if let Mode::Delay(by) = mode { by } else { Duration::ZERO };
            let answer = (Instant::now() + delay, buffer[..count].to_vec());
            if !mute && answers.send(answer).is_err() {
                return;
            }
        }
    }
}

/// The answers that were read, and are passed on once they are due.
struct Due<'a> {
    flow: Flow,
    shared: &'a Shared,
    answers: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
}

impl Due<'_> {
    async fn carry(mut self, mut to: WriteHalf<'_>) {
        while let Some((due, answer)) = self.answers.recv().await {
            if Instant::now() < due {
                sleep_until(due).await;
                self.flow.is_free().await;
            }
            if to.write_all(&answer).await.is_err() {
                return;
            }
            self.shared.bytes_answered.fetch_add(answer.len() as u64, Ordering::SeqCst);
        }
    }
}
