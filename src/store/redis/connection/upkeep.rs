mod doubt;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::RedisError;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::sentinels::Master;
use super::super::source::Connected;
use super::{Multiplexed, RedisOptions, RedisSource, follow};
use crate::deadline::deadline;

/// At least this long between two tries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
/// And before another, if the last connection did not live for a second: a server
/// that takes connections and then fails is not to be flooded with them.
const SHORT_LIFE_PAUSE: Duration = Duration::from_millis(100);
/// And so much longer, at most, if nobody waits; doubled from one to the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a command waits for a new connection: some tries, for a command that
/// waits hastens the next.
const LONGEST_WAIT: Duration = Duration::from_millis(150);

/// Sees to it that there is a connection.
pub(super) struct Upkeep {
    pub(super) source: RedisSource,
    pub(super) options: RedisOptions,
    state: watch::Sender<State>,
    /// Of this connection, waits that ended without an answer since the last answer.
    unanswered: Mutex<(u64, u32)>,
    /// Told by a command that waits for a connection.
    wanted: Notify,
    reconnecting: Mutex<Option<Reconnecting>>,
    /// The tasks that follow the Sentinels, for as long as this connection is the last.
    following: Mutex<JoinSet<()>>,
}

struct State {
    /// Which connection this is, so that each is given up once.
    number: u64,
    since: Instant,
    /// Given up. One to a Cluster is used until the next stands: that it failed for
    /// one scope says nothing of the others.
    given_up: bool,
    /// When its master last refused a write that only a replaced one would refuse.
    doubted: Option<Instant>,
    /// The master that Sentinels named for it.
    master: Option<Master>,
    current: Result<Multiplexed, RedisError>,
}

impl State {
    fn of(number: u64, current: Multiplexed, master: Option<Master>) -> Self {
        let (since, current) = (Instant::now(), Ok(current));
        Self { number, since, given_up: false, doubted: None, master, current }
    }

    fn needs_a_task(&self) -> bool {
        self.given_up || self.doubted.is_some()
    }
}

/// The task that connects.
struct Reconnecting {
    task: AbortHandle,
    last_try: Instant,
}

impl Upkeep {
    pub(super) async fn of(
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
            following: Mutex::default(),
        });
        this.follow(0, master);
        Ok(this)
    }

    /// Follows the Sentinels that named this master, and no longer what was followed before.
    fn follow(self: &Arc<Self>, number: u64, master: Option<Master>) {
        let mut following = JoinSet::new();
        if let Some((sentinels, master)) = self.source.sentinels().zip(master) {
            follow::each(sentinels, &master, &mut following, self, number);
        }
        *self.following.lock().unwrap_or_else(PoisonError::into_inner) = following;
    }

    /// The connection and its number; waits a little for it if there is none.
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

    /// This connection is of no use: there has to be another.
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

    /// This connection gave an answer.
    pub(super) fn answered(&self, number: u64) {
        self.count(number, |_| 0);
    }

    /// Somebody left this connection without an answer: how many have by now.
    pub(super) fn left(&self, number: u64) -> u32 {
        self.count(number, |before| before.saturating_add(1))
    }

    fn count(&self, number: u64, change: impl FnOnce(u32) -> u32) -> u32 {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        // What is learned late of a connection says nothing of its successor.
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

    /// Sees to it that a task is connecting, if need be. The last one may have ended
    /// with its runtime, or be stuck in one that nobody drives.
    fn reconnect(self: &Arc<Self>) {
        let mut reconnecting = self.reconnecting();
        let alive = reconnecting.as_ref().is_some_and(|reconnecting| {
            let silence = self.source.patience(self.options.connect_timeout);
            let silence = silence.saturating_add(LONGEST_PAUSE.saturating_mul(2));
            !reconnecting.task.is_finished() && reconnecting.last_try.elapsed() < silence
        });
        // What gives up may be dropped outside of any runtime.
        if let Ok(runtime) = Handle::try_current()
            && !alive
            && self.state.borrow().needs_a_task()
        {
            let task = runtime.spawn(reconnect(Arc::downgrade(self))).abort_handle();
            let next = Reconnecting { task, last_try: Instant::now() };
            if let Some(last) = reconnecting.replace(next) {
                last.task.abort();
            }
        }
    }

    /// Nothing inside panics half-way through a change.
    fn reconnecting(&self) -> MutexGuard<'_, Option<Reconnecting>> {
        self.reconnecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is nothing left to do.
    async fn makes_a_try(self: &Arc<Self>) -> bool {
        self.begins_a_try();
        if self.is_confirmed().await {
            return self.ends_a_doubt();
        }
        self.begins_a_try();
        let result = self.source.connect(&self.options).await;
        self.ends_a_try(result)
    }

    fn begins_a_try(&self) {
        if let Some(reconnecting) = &mut *self.reconnecting() {
            reconnecting.last_try = Instant::now();
        }
    }

    /// Whether it succeeded.
    fn ends_a_try(self: &Arc<Self>, result: Result<Connected, RedisError>) -> bool {
        // Held meanwhile, so that whoever gives up the new one finds nobody at work.
        let mut reconnecting = self.reconnecting();
        let connected = result.is_ok();
        self.state.send_modify(|state| match result {
            Ok((connection, master)) => {
                let number = state.number.wrapping_add(1);
                *state = State::of(number, connection, master.clone());
                self.follow(number, master);
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

async fn reconnect(upkeep: Weak<Upkeep>) {
    let mut pause = SHORTEST_PAUSE;
    if upkeep.upgrade().is_some_and(|it| it.state.borrow().since.elapsed() < LONGEST_PAUSE) {
        sleep(SHORT_LIFE_PAUSE).await;
    }
    while let Some(upkeep) = upkeep.upgrade() {
        if upkeep.makes_a_try().await {
            return;
        }
        sleep(SHORTEST_PAUSE).await;
        let _ = timeout(pause, upkeep.wanted.notified()).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
