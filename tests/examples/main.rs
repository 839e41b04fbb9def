//! The examples as their users run them: processes, environment, signals.

mod connections;
#[path = "../support/example.rs"]
mod example;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/secrets.rs"]
mod secrets;
#[cfg(feature = "schemes")]
mod senders;
mod tls;
#[cfg(feature = "schemes")]
mod verify;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use example::{Receiver, example};
use secrets::{PREVIOUS_SECRET, SECRET};

fn start(name: &str) -> Receiver {
    Receiver::start(name, &[("NEVENT_WEBHOOK_SECRET_PREVIOUS", PREVIOUS_SECRET)])
}

impl Receiver {
    /// Asks it to stop, and returns what it printed once it has.
    fn stop(self) -> String {
        self.end("-TERM")
    }

    /// The same, as ctrl-c does.
    fn interrupt(self) -> String {
        self.end("-INT")
    }

    fn end(mut self, signal: &str) -> String {
        self.process.signal(signal);
        assert!(self.process.wait().success());
        self.printed()
    }
}

fn text(output: &[u8]) -> &str {
    std::str::from_utf8(output).expect("text")
}

/// The examples that receive.
const RECEIVERS: &[&str] = &[
    "axum",
    "hyper",
    #[cfg(feature = "actix")]
    "actix",
];

#[test]
fn quickstart_runs_to_its_end() {
    let output = example("quickstart").output().expect("the example is built");
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout).matches("| ok").count(), 7);
}

#[test]
fn receivers_receive_what_send_sends() {
    for name in RECEIVERS {
        let receiver = start(name);
        let first = receiver.send(&["--delivery", "d-1", "--repeat", "2", "--timestamp", &now()]);
        assert_eq!(text(&first.stdout), "200\n200 Already processed\n");
        assert!(first.status.success());
        let rotated = receiver.send(&[
            "--event",
            "fan.created",
            "--secret",
            PREVIOUS_SECRET,
            "--delivery",
            "d-2",
        ]);
        assert_eq!(text(&rotated.stdout), "200\n");
        let stale = receiver.send(&["--timestamp", "1640995200"]);
        assert_eq!(text(&stale.stdout), "401 Timestamp too old\n");
        assert_eq!(stale.status.code(), Some(1));
        assert_eq!(
            receiver.stop(),
            "handled delivery=d-1 event=purchase.completed id=evt_7Qm2purC04\n\
             handled delivery=d-2 event=fan.created id=evt_7Qm2fanC01\n"
        );
    }
}

#[test]
fn events_are_typed() {
    let receiver = start("events");
    for event in ["fan.created", "purchase.completed", "email.sent", "fan.deleted"] {
        assert_eq!(text(&receiver.send(&["--event", event]).stdout), "200\n");
    }
    // VIPs are those the CRM knows as such, and those who pay so much.
    let [fan, purchase] = ["fan.updated", "purchase.completed"].map(sample);
    let fan = fan.replace("season-pass", "vip").replace("+34600000118", "+34600000119");
    assert_eq!(text(&receiver.send(&["--body", &file("vip.json", &fan)]).stdout), "200\n");
    let purchase = purchase.replace("evt_7Qm2purC04", "evt_another").replace("87.50", "0.10");
    let purchase = file("cheap.json", &purchase);
    assert_eq!(text(&receiver.send(&["--body", &purchase]).stdout), "200\n");
    assert_eq!(
        receiver.interrupt(),
        "crm: fan_k83lindq is nerea.ibarra@example.org\n\
         dashboard: 3 tickets, 87.50 EUR\n\
         crm: fan_w20okpas is deleted\n\
         crm: fan_k83lindq is nerea.ibarra@example.org\n\
         vip: fan_k83lindq comes to Noche de Jazz en la Estrella\n\
         dashboard: 6 tickets, 87.60 EUR\n"
    );
}

#[test]
fn an_unreadable_event_is_parked() {
    let directory = format!("{}/parked", env!("CARGO_TARGET_TMPDIR"));
    std::fs::remove_dir_all(&directory).unwrap_or_default();
    let receiver = Receiver::start("park", &[("PARKED", &directory)]);
    let odd = sample("fan.created").replace("\"fan_", "7, \"was\": \"fan_");
    let odd_file = file("odd.json", &odd);
    let answers = receiver.send(&["--body", &odd_file, "--delivery", "d-1", "--repeat", "2"]);
    assert_eq!(text(&answers.stdout), "200\n200 Already processed\n");
    assert_eq!(text(&receiver.send(&["--event", "fan.created"]).stdout), "200\n");
    let printed = receiver.interrupt();
    let [parked, handled] = printed.lines().collect::<Vec<_>>()[..] else { panic!("{printed}") };
    assert!(parked.starts_with("parked d-1: "), "{parked}");
    assert!(parked.ends_with("`data.fan.id`: a number of 1 byte, expected a string"), "{parked}");
    assert!(handled.starts_with("handled \"fan.created\" \"evt_"), "{handled}");
    let files = std::fs::read_dir(&directory).expect("a directory");
    let mut files: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    files.sort();
    let [bytes, reason] = &files[..] else { panic!("{files:?}") };
    assert!(bytes.to_string_lossy().ends_with("-d1.json"), "{bytes:?}");
    assert_eq!(std::fs::read_to_string(bytes).expect("text"), odd);
    let reason = std::fs::read_to_string(reason).expect("text");
    assert_eq!(format!("parked d-1: {}", reason.trim_end()), parked);
}

#[test]
fn batches_are_handled_event_by_event() {
    let receiver = start("batch");
    let batch = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/send/batch.json");
    let answers = receiver.send(&["--body", batch, "--repeat", "2", "--delivery", "d-1"]);
    assert_eq!(text(&answers.stdout), "200\n200 Already processed\n");
    let alone = receiver.send(&["--event", "fan.updated", "--delivery", "d-2"]);
    assert_eq!(text(&alone.stdout), "200\n");
    let printed = receiver.interrupt();
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "evt_7Qm2attI07: attendance.checked_in",
            "evt_7Qm2fanU02: fan.updated",
            "evt_7Qm2purC04: 87.50 EUR",
        ]
    );
}

fn sample(event: &str) -> String {
    let path = format!("{}/examples/send/payloads/{event}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a sample")
}

/// A file for `send`, in this test's own directory.
fn file(name: &str, content: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, content).expect("a writable directory");
    path
}

/// A program that reads the output gets each line as soon as the delivery is handled.
#[test]
fn lines_are_flushed() {
    let mut receiver = start("axum");
    receiver.send(&["--delivery", "d-1"]);
    let stdout = receiver.stdout();
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert!(line.starts_with("handled delivery=d-1 event=purchase.completed id="));
}

#[test]
fn a_missing_variable_is_named() {
    for name in RECEIVERS {
        let output = example(name).output().expect("the example is built");
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("NEVENT_WEBHOOK_SECRET is not set"));
    }
    let nobody =
        example("send").args(["--secret", SECRET, "--url", "http://127.0.0.1:1/"]).output();
    let nobody = nobody.expect("the example is built");
    assert!(text(&nobody.stderr).contains("cargo run --example axum"));
}

/// Compose sets `${NAME:-}` to an empty variable.
#[test]
fn empty_variables_count_as_unset() {
    let empty = [("NEVENT_WEBHOOK_SECRET_PREVIOUS", ""), ("REDIS_URL", "")];
    for name in RECEIVERS {
        let receiver = Receiver::start(name, &empty);
        assert_eq!(text(&receiver.send(&["--delivery", "d-1"]).stdout), "200\n");
        receiver.stop();
    }
    // So that none can listen at the default address. (If it is never free, somebody else
    // listens there, which does as well.)
    let _taken = (0..100).find_map(|_| {
        sleep(Duration::from_millis(50));
        TcpListener::bind("127.0.0.1:3000").ok()
    });
    for name in RECEIVERS.iter().chain(&["batch", "events", "park"]) {
        let output = example(name).env("NEVENT_WEBHOOK_SECRET", SECRET).env("BIND", "").output();
        let output = output.expect("the example is built");
        assert!(text(&output.stderr).contains("in use"), "{name}: {}", text(&output.stderr));
    }
}

fn now() -> String {
    nevent_webhooks::Clock::unix_seconds(&nevent_webhooks::SystemClock).to_string()
}
