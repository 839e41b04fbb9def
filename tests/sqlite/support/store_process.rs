use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use nevent_webhooks::store::{ClaimAnswer, SqliteStore, Store};

use super::claim;
use super::process::Process;

/// A process of its own with a store, which does what it is told. Killed when dropped.
pub struct StoreProcess {
    pub process: Process,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl StoreProcess {
    pub fn start(file: &Path) -> Self {
        Self::with_most_kib_per_file(file, None)
    }

    /// A process whose files cannot become larger. Writing more is an error, as on a full disk.
    pub fn with_most_kib_per_file(file: &Path, most: Option<u32>) -> Self {
        // This very program, running the one test that is a store.
        let this = std::env::current_exe().expect("this test's path");
        let limit = most.map_or("true".to_owned(), |kib| format!("ulimit -S -f {kib}"));
        let mut command = Command::new("bash");
        // A signal that is ignored stays so in the program that takes the shell's place.
        command.arg("-c").arg(format!("trap '' XFSZ; {limit}; exec \"$@\"")).arg("bash").arg(this);
        let mut process = command
            .args(["--exact", "support::store_process::serve", "--nocapture", "--test-threads=2"])
            .env("STORE_FILE", file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test runs");
        let commands = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        let mut started = Self { process: Process(process), commands, answers };
        assert_eq!(started.answer(), "opened");
        started
    }

    /// Tells it a command, and does not wait.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("it listens");
    }

    /// The next answer.
    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line).expect("text");
            assert!(read > 0, "it has ended without an answer");
            // An answer may be empty.
            if let Some(answer) = line.trim_end_matches('\n').strip_prefix("said ") {
                return answer.to_owned();
            }
        }
    }

    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.answer()
    }
}

/// Not a test of its own: a [`StoreProcess`] runs it. Among the other tests it does nothing.
#[tokio::test]
async fn serve() {
    let Some(file) = std::env::var_os("STORE_FILE") else { return };
    let store = SqliteStore::open(file).await.expect("a file");
    say("opened");
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        let (command, of) = line.split_once(' ').expect("a command");
        match command {
            "claim" => say(&claimed(&store, of).await),
            "complete" => say(&completed(&store, of).await),
            "race" => {
                let mut acquired = Vec::new();
                for number in 0..of.parse::<u32>().expect("a number") {
                    let id = number.to_string();
                    if claimed(&store, &id).await == "Acquired" {
                        acquired.push(id);
                    }
                }
                say(&acquired.join(","));
            }
            _ => panic!("no command: {command}"),
        }
    }
}

async fn claimed(store: &SqliteStore, id: &str) -> String {
    match store.claim(&claim(id)).await {
        Ok(ClaimAnswer::InFlight { .. }) => "InFlight".to_owned(),
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{error:?}"),
    }
}

async fn completed(store: &SqliteStore, id: &str) -> String {
    match store.complete(&claim(id)).await {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{error:?}"),
    }
}

/// One write, which a kill does not cut.
fn say(answer: &str) {
    let line = format!("\nsaid {answer}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("who started it listens");
}
