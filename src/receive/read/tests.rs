//! Scripted bodies in paused time, which passes only when nothing else is left to do.

use super::*;
use crate::{Secret, Verifier};

struct Known {
    size: usize,
    stall: Duration,
    total: Duration,
}

const LIMITS: Known =
    Known { size: 100, stall: Duration::from_secs(5), total: Duration::from_secs(60) };

/// A request without headers.
struct NoHead;

impl Head for NoHead {
    fn lines(&self, _: Header) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    fn request_head(&self) -> crate::RequestHead<'_> {
        unreachable!("no tenant is looked for")
    }
}

/// The seconds that the reader waits for a frame, and the frame.
type Frame = (u64, &'static [u8]);

const TEN: Frame = (0, b"ten bytes.");

/// A body that plays a script.
struct Script(Vec<Frame>, Option<Pin<Box<Sleep>>>);

impl Frames for Script {
    fn at_least(&self) -> u64 {
        0
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>> {
        let Some(&(seconds, bytes)) = self.0.first() else { return Poll::Ready(None) };
        let pause = || Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
        std::task::ready!(self.1.get_or_insert_with(pause).as_mut().poll(context));
        self.0.remove(0);
        self.1 = None;
        Poll::Ready(Some(Ok(Bytes::from_static(bytes))))
    }
}

async fn read(body: impl Frames, budget: &Budget) -> Result<Bytes, Rejection> {
    let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap());
    let header = format!("t=1,v1={}", "0".repeat(64));
    let mut verification = verifier.begin([header.as_bytes()]).unwrap();
    let Known { size, stall, total } = LIMITS;
    let limits = Limits { size: Some(size), stall: Some(stall), total: Some(total) };
    let terms = Terms::new();
    let mut reading = limits.start(&terms, &NoHead, &body, budget)?;
    reading.read(pin!(body), |bytes| verification.update(bytes)).await
}

async fn play(script: &[Frame]) -> (Result<Bytes, Rejection>, u64) {
    let begun = Instant::now();
    let body = read(Script(script.to_vec(), None), &Budget::new(1000)).await;
    (body, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_arriving_is_read() {
    let script = [(4, &b"a"[..]), (4, b"b"), (4, b"c")];
    assert_eq!(play(&script).await, (Ok(Bytes::from_static(b"abc")), 12));
}

/// Paused time makes the seconds exact, however busy the machine is.
#[tokio::test(start_paused = true)]
async fn empty_frames_are_no_progress() {
    let stalled = (Err(Rejection::BodyTimeout { limit: LIMITS.stall }), 6);
    assert_eq!(play(&[(1, b"a"), (1, b""), (1, b""), (2, b""), (2, b"b")]).await, stalled);
    let stalled = (Err(Rejection::BodyTimeout { limit: LIMITS.stall }), 5);
    assert_eq!(play(&[(2, b""), (2, b""), (2, b"")]).await, stalled);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_drip_end_with_the_whole_time() {
    let late = (Err(Rejection::BodyTimeout { limit: LIMITS.total }), 60);
    assert_eq!(play(&[(4, &b"a"[..]); 20]).await, late);
}

/// A body that is always ready with an empty frame.
struct EmptyFrames;

impl Frames for EmptyFrames {
    fn at_least(&self) -> u64 {
        0
    }

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>> {
        Poll::Ready(Some(Ok(Bytes::new())))
    }
}

/// The reader must let other tasks run. Here another task moves the time forward.
#[tokio::test(start_paused = true)]
async fn endless_empty_frames_stall() {
    let time = tokio::spawn(async {
        loop {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    });
    let begun = Instant::now();
    let stalled = Err(Rejection::BodyTimeout { limit: LIMITS.stall });
    assert_eq!(read(EmptyFrames, &Budget::new(1000)).await, stalled);
    assert!(begun.elapsed() < LIMITS.total, "{:?}", begun.elapsed());
    time.abort();
}

/// The memory of a body while it is read. The first frame counts as it is. After that a buffer
/// counts, which doubles but never exceeds the limit.
#[tokio::test(start_paused = true)]
async fn the_budget_counts_the_buffer() {
    let budget = Budget::new(1000);
    for (frames, held) in [(vec![TEN; 1], 10), (vec![TEN; 2], 40), (vec![TEN; 9], 100)] {
        let stalling = [frames, vec![(3600, b"")]].concat();
        let body = read(Script(stalling, None), &budget);
        let mut body = pin!(body);
        let waiting = tokio::time::timeout(Duration::from_secs(1), body.as_mut()).await;
        assert!(waiting.is_err());
        assert_eq!(budget.held(), held);
    }
    assert_eq!((budget.held(), budget.rejections()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_fit_the_budget_is_rejected() {
    let budget = Budget::new(150);
    let mut other = budget.share(0);
    other.grow_to(120).unwrap();
    let rejected = Err(Rejection::BodyBudgetExhausted { budget: 150 });
    assert_eq!(read(Script(vec![(0, &[b'x'; 31])], None), &budget).await, rejected);
    assert_eq!(read(Script(vec![(0, b"a"), (0, &[b'x'; 30])], None), &budget).await, rejected);
    assert_eq!((budget.held(), budget.rejections()), (120, 2));
    drop(other);
    assert!(read(Script(vec![(0, b"a"), (0, &[b'x'; 30])], None), &budget).await.is_ok());
}
