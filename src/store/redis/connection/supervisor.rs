//! Keeping one connection open: it is replaced, by a task, when it is given up.

mod stale_master;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::RedisError;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::sentinels::Master;
use super::super::source::Connected;
use super::{Multiplexed, RedisOptions, RedisSource, failover};
use crate::deadline::deadline;

/// The shortest pause between two attempts to connect.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
/// The pause before the first attempt if the last connection lived for less than a second.
/// Without it, a server that accepts connections and then fails would be flooded with them.
const SHORT_LIFE_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts while no command waits. The pause doubles until
/// then.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a command waits for a new connection. That is long enough for a few attempts,
/// because a waiting command hastens the next one.
const LONGEST_WAIT: Duration = Duration::from_millis(150);

/// Owns the current connection, and replaces it when it is given up.
pub(super) struct Supervisor {
    pub(super) source: RedisSource,
    pub(super) options: RedisOptions,
    state: watch::Sender<State>,
    /// The number of a connection, and how many waits on it have ended without an answer
    /// since its last answer.
    unanswered: Mutex<(u64, u32)>,
    /// Notified by a command that waits for a connection.
    wanted: Notify,
    reconnecting: Mutex<Option<Reconnecting>>,
    /// The tasks that watch the Sentinels for the current connection.
    watching: Mutex<JoinSet<()>>,
}

struct State {
    /// The number of the connection, so that each is given up only once.
    number: u64,
    since: Instant,
    /// Whether the connection was given up. One to a Cluster stays in use until the next is
    /// open, because a node that fails one scope need not fail the others.
    given_up: bool,
    /// When the master last refused a write for want of replicas.
    suspected: Option<Instant>,
    /// The master that the Sentinels named for this connection.
    master: Option<Master>,
    current: Result<Multiplexed, RedisError>,
}

impl State {
    fn of(number: u64, current: Multiplexed, master: Option<Master>) -> Self {
        let (since, current) = (Instant::now(), Ok(current));
        Self { number, since, given_up: false, suspected: None, master, current }
    }

    fn needs_a_task(&self) -> bool {
        self.given_up || self.suspected.is_some()
    }
}

/// The task that connects.
struct Reconnecting {
    task: AbortHandle,
    last_attempt: Instant,
}

impl Supervisor {
    /// Connects, in one attempt.
    pub(super) async fn start(
        source: RedisSource,
        options: RedisOptions,
    ) -> Result<Arc<Self>, RedisError> {
        let (current, master) = source.connect(&options).await?;
        let state = State::of(0, current, master.clone());
        let this = Arc::new(Self {
            source,
            options,
            state: watch::Sender::new(state),
            unanswered: Mutex::default(),
            wanted: Notify::new(),
            reconnecting: Mutex::default(),
            watching: Mutex::default(),
        });
        this.watch_sentinels(0, master);
        Ok(this)
    }

    /// Watches the Sentinels that named this master. The tasks of the last connection end.
    fn watch_sentinels(self: &Arc<Self>, number: u64, master: Option<Master>) {
        let mut watching = JoinSet::new();
        if let Some((sentinels, master)) = self.source.sentinels().zip(master) {
            failover::watch_each(sentinels, &master, &mut watching, self, number);
        }
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = watching;
    }

    /// Returns the connection and its number, after a short wait if there is none.
    pub(super) async fn connected(
        self: &Arc<Self>,
        answer_by: Instant,
    ) -> Result<(u64, Multiplexed), RedisError> {
        if let Ok(current) = self.current() {
            return Ok(current);
        }
        let mut state = self.state.subscribe();
        self.reconnect();
        self.wanted.notify_one();
        let wait = answer_by.min(deadline(Instant::now(), LONGEST_WAIT));
        let _ = timeout_at(wait, state.wait_for(|state| state.current.is_ok())).await;
        self.current()
    }

    /// Gives this connection up, and starts connecting anew.
    pub(super) fn give_up(self: &Arc<Self>, number: u64, error: &RedisError) {
        self.state.send_if_modified(|state| {
            let given_up = state.number == number && !state.given_up;
            if given_up {
                state.given_up = true;
                if let Ok(Multiplexed::Node(_)) = state.current {
                    state.current = Err(error.clone());
                }
            }
            given_up
        });
        self.reconnect();
    }

    /// Notes that this connection gave an answer.
    pub(super) fn answered(&self, number: u64) {
        self.count(number, |_| 0);
    }

    /// Notes that a command left this connection without an answer, and returns how many
    /// have done so since its last answer.
    pub(super) fn left(&self, number: u64) -> u32 {
        self.count(number, |before| before.saturating_add(1))
    }

    fn count(&self, number: u64, change: impl FnOnce(u32) -> u32) -> u32 {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        // Late news of an earlier connection says nothing about its successor.
        if number < unanswered.0 {
            return 0;
        }
        let before = if number == unanswered.0 { unanswered.1 } else { 0 };
        *unanswered = (number, change(before));
        unanswered.1
    }

    fn current(&self) -> Result<(u64, Multiplexed), RedisError> {
        let state = self.state.borrow();
        state.current.clone().map(|current| (state.number, current))
    }

    /// Starts the task that connects, if one is needed and none is at work. The last task
    /// may have ended with its runtime, or be stuck in a runtime that is not driven.
    fn reconnect(self: &Arc<Self>) {
        let mut reconnecting = self.reconnecting();
        let alive = reconnecting.as_ref().is_some_and(|reconnecting| {
            let silence = self.source.time_to_connect(self.options.connect_timeout);
            let silence = silence.saturating_add(LONGEST_PAUSE.saturating_mul(2));
            !reconnecting.task.is_finished() && reconnecting.last_attempt.elapsed() < silence
        });
        // A future that gives the connection up may be dropped outside of any runtime.
        if let Ok(runtime) = Handle::try_current()
            && !alive
            && self.state.borrow().needs_a_task()
        {
            let task = runtime.spawn(reconnect(Arc::downgrade(self))).abort_handle();
            let next = Reconnecting { task, last_attempt: Instant::now() };
            if let Some(last) = reconnecting.replace(next) {
                last.task.abort();
            }
        }
    }

    /// Locks the task. A poisoned lock is no reason to stop: nothing under it panics in the
    /// middle of a change.
    fn reconnecting(&self) -> MutexGuard<'_, Option<Reconnecting>> {
        self.reconnecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one attempt, and returns whether nothing is left to do.
    async fn attempt(self: &Arc<Self>) -> bool {
        self.note_attempt();
        if self.is_confirmed().await {
            return self.clear_suspicion();
        }
        self.note_attempt();
        let result = self.source.connect(&self.options).await;
        self.end_attempt(result)
    }

    fn note_attempt(&self) {
        if let Some(reconnecting) = &mut *self.reconnecting() {
            reconnecting.last_attempt = Instant::now();
        }
    }

    /// Keeps the new connection or the error, and returns whether there is a connection.
    fn end_attempt(self: &Arc<Self>, result: Result<Connected, RedisError>) -> bool {
        // Locked meanwhile. Otherwise a command that gives the new connection up could find
        // this task, which is about to end, and start no other.
        let mut reconnecting = self.reconnecting();
        let connected = result.is_ok();
        self.state.send_modify(|state| match result {
            Ok((connection, master)) => {
                let number = state.number.wrapping_add(1);
                *state = State::of(number, connection, master.clone());
                self.watch_sentinels(number, master);
            }
            Err(error) => {
                if state.current.is_err() {
                    state.current = Err(error);
                }
            }
        });
        if connected {
            *reconnecting = None;
        }
        connected
    }
}

/// Makes attempts until there is a connection, or the store is gone.
async fn reconnect(supervisor: Weak<Supervisor>) {
    let mut pause = SHORTEST_PAUSE;
    if supervisor.upgrade().is_some_and(|it| it.state.borrow().since.elapsed() < LONGEST_PAUSE) {
        sleep(SHORT_LIFE_PAUSE).await;
    }
    while let Some(supervisor) = supervisor.upgrade() {
        if supervisor.attempt().await {
            return;
        }
        sleep(SHORTEST_PAUSE).await;
        let _ = timeout(pause, supervisor.wanted.notified()).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
