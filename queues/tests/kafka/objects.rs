//! The object store in which the broker keeps its data. It runs in a thread of the test's process, so a
//! kill of the broker loses nothing that the broker has stored.
//!
//! Of the protocol of S3 it has what the broker uses: objects with tags, conditions, and lists.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The store serves until this is dropped.
pub struct Objects {
    pub port: u16,
    _stop: oneshot::Sender<()>,
}

/// Each object, and the number of the write that made it, which is its tag.
#[derive(Default)]
struct All {
    of: BTreeMap<String, (Bytes, u64)>,
    writes: u64,
}

type Shared = State<Arc<Mutex<All>>>;

/// The broker does not look at it.
const MODIFIED: (&str, &str) = ("Thu, 01 Jan 2026 00:00:00 GMT", "2026-01-01T00:00:00.000Z");

impl Objects {
    /// A store of its own thread, because tests with runtimes of their own share it.
    pub async fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, port) = oneshot::channel();
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let _ = tell.send(listener.local_addr().expect("an address").port());
                let app = Router::new()
                    .route("/tansu", get(list))
                    .route("/tansu/{*key}", get(read).put(write))
                    .with_state(Arc::default());
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.expect("axum serves"),
                    _ = stopped => {}
                }
            });
        });
        Self { port: port.await.expect("a port"), _stop: stop }
    }
}

async fn write(
    State(all): Shared,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut all = all.lock().expect("no panic");
    let now = all.of.get(&key).map(|(_, number)| etag(*number));
    let is_met = match (headers.get(IF_MATCH), headers.get(IF_NONE_MATCH)) {
        (Some(wanted), _) => now.is_some_and(|now| wanted.as_bytes() == now.as_bytes()),
        (None, Some(_)) => now.is_none(),
        (None, None) => true,
    };
    if !is_met {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    all.writes += 1;
    let number = all.writes;
    all.of.insert(key, (body, number));
    [(ETAG, etag(number))].into_response()
}

async fn read(State(all): Shared, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let all = all.lock().expect("no panic");
    let Some((body, number)) = all.of.get(&key) else {
        let error = "<Error><Code>NoSuchKey</Code></Error>";
        return (StatusCode::NOT_FOUND, error).into_response();
    };
    let etag = etag(*number);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(ETAG, etag), (LAST_MODIFIED, MODIFIED.0.to_owned())], body.clone()).into_response()
}

async fn list(State(all): Shared, Query(asked): Query<HashMap<String, String>>) -> String {
    let known = ["list-type", "prefix"];
    assert!(asked.keys().all(|name| known.contains(&name.as_str())), "not supported: {asked:?}");
    let prefix = asked.get("prefix").cloned().unwrap_or_default();
    let all = all.lock().expect("no panic");
    let mut xml = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
    let each = all.of.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
    for (key, (body, number)) in each {
        let (etag, size, modified) = (etag(*number), body.len(), MODIFIED.1);
        write!(
            xml,
            "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>{etag}</ETag>\
            <Size>{size}</Size></Contents>"
        )
        .expect("room");
    }
    xml + "</ListBucketResult>"
}

fn etag(number: u64) -> String {
    format!("\"{number}\"")
}
