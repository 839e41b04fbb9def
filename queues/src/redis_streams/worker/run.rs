//! The loops of a worker: one reads new entries, one looks after the rest.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use nevent_webhooks::queue::Once;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::super::deliveries::Deliveries;
use super::super::entry::{Entry, Raw};
use super::super::patience::Patience;
use super::Member;
use crate::RetryPolicy;
use crate::content::Content;
use crate::handler::Handler;
use crate::places::Places;
use crate::verdict::Verdict;

/// After the server has failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How often delayed entries are looked at.
const TICK: Duration = Duration::from_millis(200);
const TIDY: Duration = Duration::from_secs(60);
/// Entries in one answer: envelopes may be large.
const MOST_AT_ONCE: u32 = 64;

/// Starts the task that handles an entry. The permit ends with it.
type Start = dyn Fn(Entry, OwnedSemaphorePermit) + Send + Sync;

pub(super) async fn run(
    member: Arc<Member>,
    once: &Once,
    handler: Handler,
    stop: impl Future<Output = ()>,
) {
    let all = member.settings.concurrency;
    let permits = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(usize::MAX)));
    let places = Arc::new(Places::new(u16::try_from(all).unwrap_or(u16::MAX)));
    let own = Arc::clone(&member);
    let start = move |entry: Entry, permit| {
        let (member, handler, places) = (Arc::clone(&own), handler.clone(), Arc::clone(&places));
        tokio::spawn(async move {
            work(&member, &entry, &handler, &places).await;
            member.put_down(&entry.id);
            drop(permit);
        });
    };
    let looking_after = look_after(&member);
    let reading = read(&member, &permits, &start);
    let told = async {
        stop.await;
        member.stop.tell();
    };
    // The entries in hand are kept until the last is done.
    let ending = async {
        tokio::join!(reading, told);
        let _ = permits.acquire_many(all).await;
        once.wait_idle().await;
    };
    match select(pin!(ending), pin!(looking_after)).await {
        Either::Left(((), _)) | Either::Right(((), _)) => {}
    }
}

/// Takes entries until it is told to stop.
async fn read(member: &Member, permits: &Arc<Semaphore>, start: &Start) {
    let patience = Patience::new(usize::try_from(MOST_AT_ONCE).unwrap_or(usize::MAX));
    let mut source = Source { reader: None, patience, taken_over: None };
    while !member.stop.is_told() {
        // An entry that was taken is to be handled at once: its time until others claim it runs.
        let permit = tokio::select! {
            permit = Arc::clone(permits).acquire_owned() => permit.expect("never closed"),
            () = member.stop.told() => return,
        };
        // Entries that are taken while the store of `Once` fails would only move to a later retry.
        if let Some(pause) = member.outage.pause() {
            member.stop.within(pause).await;
            continue;
        }
        let most = if member.outage.is_over() { MOST_AT_ONCE } else { 1 };
        let permits = with_more(permits, permit, most);
        match source.next(member, permits.len()).await {
            Ok(entries) => {
                for (entry, permit) in entries.into_iter().zip(permits) {
                    start(entry, permit);
                }
            }
            Err(error) => {
                source.reader = None;
                member.failed(error);
                member.stop.within(PAUSE).await;
            }
        }
    }
}

struct Source {
    reader: Option<MultiplexedConnection>,
    patience: Patience,
    /// When it last looked for entries of workers that have crashed.
    taken_over: Option<Instant>,
}

impl Source {
    /// Entries, after the group was created if it is not there. A full server would refuse to look for it
    /// by creating it.
    async fn next(&mut self, member: &Member, most: usize) -> RedisResult<Vec<Entry>> {
        match self.take(member, most).await {
            Err(error) if error.code() == Some("NOGROUP") => {
                member.join().await?;
                Ok(Vec::new())
            }
            taken => taken,
        }
    }

    /// Entries of workers that have crashed, or else new ones. All are in hand.
    async fn take(&mut self, member: &Member, most: usize) -> RedisResult<Vec<Entry>> {
        let reader = if let Some(reader) = &mut self.reader {
            reader
        } else {
            self.reader.insert(member.redis.own_connection().await?)
        };
        let often = member.settings.claim_after / 3;
        if self.taken_over.is_none_or(|at| at.elapsed() >= often) {
            let abandoned = member.take_abandoned(reader, most).await?;
            if !abandoned.is_empty() {
                let policy = member.settings.retry;
                return Ok(abandoned.into_iter().map(|one| taken_over(one, policy)).collect());
            }
            self.taken_over = Some(Instant::now());
            if member.stop.is_told() {
                return Ok(Vec::new());
            }
        }
        let mut entries = member.read(reader, &mut self.patience, most).await?;
        entries.retain(|(id, _)| member.take(id));
        Ok(entries.into_iter().map(Entry::read).collect())
    }
}

/// An entry of a worker that has crashed, and its count of deliveries before.
fn taken_over((entry, count): (Raw, u32), policy: RetryPolicy) -> Entry {
    let (mut entry, deliveries) = (Entry::read(entry), Deliveries::of_count(count));
    // Each of these deliveries ended with a crash. The count is kept in the entry, since an entry that
    // waits for a retry returns as a new one. Otherwise one that kills its worker would kill them all.
    entry.attempts = entry.attempts.saturating_add(deliveries.number);
    entry.crashes = if deliveries.reason.is_none() { deliveries.number } else { 0 };
    let is_killer = is_killer(&entry, deliveries, policy);
    entry.content = match (entry.content, deliveries.reason) {
        (Content::Event(envelope), Some(reason)) => Content::Dead(reason, Some(envelope)),
        (event @ Content::Event(_), None) if is_killer => event.killer(),
        (content, _) => content,
    };
    entry
}

/// Whether the entry has used up its attempts, and may not run once more.
///
/// A single delivery may be an answer that did not arrive, and then the entry has not run. So it runs. If it
/// kills its worker, it has two deliveries the next time: one that is taken over is counted before it is read.
/// Or it waited for the lease of that worker, and then its attempts are stored in it.
fn is_killer(entry: &Entry, deliveries: Deliveries, policy: RetryPolicy) -> bool {
    let none_is_left = |attempts| policy.delay_after(attempts).is_none();
    let is_in_doubt = deliveries.number <= 1 && !none_is_left(entry.stored_attempts);
    none_is_left(entry.attempts) && !is_in_doubt
}

/// All permits that are free, up to a limit.
fn with_more(
    permits: &Arc<Semaphore>,
    first: OwnedSemaphorePermit,
    most: u32,
) -> Vec<OwnedSemaphorePermit> {
    let more = (1..most).map_while(|_| Arc::clone(permits).try_acquire_owned().ok());
    std::iter::once(first).chain(more).collect()
}

/// Everything that has its time. Ends only if it is dropped.
async fn look_after(member: &Member) {
    let third = member.settings.claim_after / 3;
    let (mut kept, mut tidied) = (Instant::now(), None::<Instant>);
    loop {
        sleep(TICK.min(third)).await;
        let now = Instant::now();
        let mut is_well = true;
        if kept.elapsed() >= third {
            is_well = has_succeeded(member, member.keep().await);
            // Otherwise again soon: after the third failure others would claim the entries.
            kept = if is_well { now } else { kept };
        }
        // Each by itself: a lasting error of one must not end the others.
        is_well &= has_succeeded(member, member.move_due().await);
        if tidied.is_none_or(|at| at.elapsed() >= TIDY) {
            is_well &= has_succeeded(member, member.tidy().await);
            tidied = Some(now);
        }
        if !is_well {
            sleep(PAUSE).await;
        }
    }
}

fn has_succeeded(member: &Member, answer: RedisResult<()>) -> bool {
    match answer {
        // The reader creates the group.
        Err(error) if error.code() == Some("NOGROUP") => true,
        Err(error) => {
            member.failed(error);
            false
        }
        Ok(()) => true,
    }
}

async fn work(member: &Member, entry: &Entry, handler: &Handler, places: &Places) {
    let place = tokio::select! {
        biased;
        place = places.take(entry.crashes, u32::MAX) => place.ok(),
        () = member.stop.told() => None,
    };
    if place.is_none() {
        // Others may have it now, and not only when this worker's silence is noticed.
        let again = Verdict::waits("given_back", entry.attempts, Duration::ZERO);
        return member.settle(entry, &again).await;
    }
    let retry = &member.settings.retry;
    let verdict = Verdict::on(&entry.content, entry.attempts, handler, retry).await;
    drop(place);
    if let Content::Event(_) = entry.content {
        member.outage.ended(verdict.is_refused());
    }
    member.settle(entry, &verdict).await;
}
