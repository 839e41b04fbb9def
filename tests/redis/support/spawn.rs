//! A process of redis-server, from its start to its first answer.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::clock::SteppedClock;
use super::directory::Directory;
use super::process::Process;

const NOT_INSTALLED: &str = "redis-server is not installed: run ./test, which installs it, \
     or apt-get install redis-server";

/// The process, once it answers; `None` if its port was taken. It answers on a Unix
/// socket in its own directory, so that nobody else can answer in its place.
pub async fn spawn(
    directory: &Directory,
    arguments: &[String],
    clock: Option<&SteppedClock>,
) -> Option<Process> {
    let log = directory.file("log");
    let _ = std::fs::remove_file(&log);
    let mut process = start(arguments, clock);
    let begun = Instant::now();
    while !answers(directory).await {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        if process.has_ended() {
            let taken = said.contains("Failed listening on") || said.contains("already in use");
            assert!(taken, "redis-server {arguments:?} ended:\n{said}");
            return None;
        }
        assert!(begun.elapsed() < PATIENCE, "redis-server {arguments:?} is silent:\n{said}");
        sleep(Duration::from_millis(5)).await;
    }
    Some(process)
}

fn start(arguments: &[String], clock: Option<&SteppedClock>) -> Process {
    let mut command = Command::new("redis-server");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.envs(clock.into_iter().flat_map(SteppedClock::environment));
    match command.spawn() {
        Ok(process) => Process(process),
        Err(e) if e.kind() == ErrorKind::NotFound => panic!("{NOT_INSTALLED}"),
        Err(e) => panic!("cannot start redis-server: {e}"),
    }
}

/// An error, as for want of a password, is an answer too; that it still loads is not.
async fn answers(directory: &Directory) -> bool {
    let asked = async {
        let mut stream = UnixStream::connect(directory.path().join("socket")).await.ok()?;
        stream.write_all(b"PING\r\n").await.ok()?;
        let mut reply = [0; 64];
        let count = stream.read(&mut reply).await.ok()?;
        (count > 0 && !reply.starts_with(b"-LOADING")).then_some(())
    };
    timeout(Duration::from_secs(5), asked).await.is_ok_and(|answer| answer.is_some())
}
