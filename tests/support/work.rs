use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use nevent_webhooks::{Batch, BatchReport, Event, EventData, Rejection};

use super::receiver::Setup;
use super::{Adapter, Gate, Receiver};

/// Counts how often each event is handled; some can be told to fail, panic or wait.
#[derive(Clone, Default)]
pub struct Work(Arc<Inside>);

#[derive(Default)]
struct Inside {
    runs: Mutex<HashMap<String, usize>>,
    reports: Mutex<Vec<BatchReport>>,
    fails_once: Mutex<Option<String>>,
    panics_once: Mutex<Option<String>>,
    waits: Mutex<Option<(String, Gate)>>,
}

fn take(slot: &Mutex<Option<String>>, id: &str) -> bool {
    slot.lock().expect("no panic while locked").take_if(|event| event == id).is_some()
}

impl Work {
    pub fn on(adapter: Adapter) -> (Setup, Self) {
        Self::at_once(adapter, 8)
    }

    pub fn at_once(adapter: Adapter, concurrency: usize) -> (Setup, Self) {
        let work = Self::default();
        let inside = work.clone();
        let setup = Receiver::on(adapter).batch_handler(move |batch| {
            let work = inside.clone();
            async move { work.handle(batch, concurrency).await }
        });
        (setup, work)
    }

    async fn handle(&self, batch: Batch, concurrency: usize) -> Result<StatusCode, Rejection> {
        let work = self.clone();
        let on_event = move |event: Event<EventData>| {
            let work = work.clone();
            async move { work.on_event(event).await }
        };
        let report = batch.process(concurrency, on_event).await;
        self.0.reports.lock().expect("no panic while locked").push(report.clone());
        report.into_result().map(|()| StatusCode::OK)
    }

    async fn on_event(&self, event: Event<EventData>) -> Result<(), String> {
        *self.0.runs.lock().expect("no panic while locked").entry(event.id.clone()).or_default() +=
            1;
        let gate = self.0.waits.lock().expect("no panic while locked").clone();
        if let Some((_, gate)) = gate.filter(|(id, _)| *id == event.id) {
            gate.pass().await;
        }
        assert!(!take(&self.0.panics_once, &event.id), "a handler's bug");
        if take(&self.0.fails_once, &event.id) {
            return Err("no seat left".to_owned());
        }
        Ok(())
    }

    pub fn fails_once(&self, id: &str) {
        *self.0.fails_once.lock().expect("no panic while locked") = Some(id.to_owned());
    }

    pub fn panics_once(&self, id: &str) {
        *self.0.panics_once.lock().expect("no panic while locked") = Some(id.to_owned());
    }

    pub fn waits(&self, id: &str) -> Gate {
        let gate = Gate::closed();
        *self.0.waits.lock().expect("no panic while locked") = Some((id.to_owned(), gate.clone()));
        gate
    }

    /// How often this event was handled.
    pub fn runs_of(&self, id: &str) -> usize {
        self.0.runs.lock().expect("no panic while locked").get(id).copied().unwrap_or(0)
    }

    /// How often any event was handled.
    pub fn runs(&self) -> usize {
        self.0.runs.lock().expect("no panic while locked").values().sum()
    }

    pub fn report(&self) -> BatchReport {
        let reports = self.0.reports.lock().expect("no panic while locked");
        reports.last().expect("a report").clone()
    }

    /// Completed, already processed, failed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let report = self.report();
        (report.completed, report.already_processed, report.failures.len())
    }
}

/// An event of this id.
pub fn event(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"fan.created","created":1640995200,"data":{{"fan":{{"id":"fan_1"}}}},"organization_id":"org_1"}}"#
    )
}

/// A batch of events of these ids.
pub fn batch<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let events: Vec<_> = ids.into_iter().map(event).collect();
    format!("[{}]", events.join(","))
}

/// A batch of `evt_<number>`.
pub fn numbered(range: std::ops::Range<usize>) -> String {
    let ids: Vec<_> = range.map(|number| format!("evt_{number}")).collect();
    batch(ids.iter().map(String::as_str))
}
