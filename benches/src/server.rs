//! A receiver as an HTTP server, in a process of its own and on a core of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actix_web::{App, HttpServer};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::receivers::{AnyReceiver, Receiver};
use crate::rounds::as_f64;

const MINUTES: Duration = Duration::from_mins(10);

/// The process, killed when dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Runs this program again, as `PROGRAM serve NAME`, where it is to call [`serve`].
    ///
    /// # Panics
    ///
    /// If the process does not print an address.
    #[must_use]
    pub fn start(receiver: AnyReceiver) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program's path"));
        command.args(["serve", receiver.name()]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("an address");
        Self { process, address: line.trim().parse().expect("an address") }
    }

    /// The CPU time that all threads of the server have taken, in nanoseconds.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    #[must_use]
    pub fn cpu_nanos(&self) -> f64 {
        cpu_nanos_of(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The CPU time that all threads of a process have taken, in nanoseconds.
///
/// # Panics
///
/// If the process has ended.
#[must_use]
pub fn cpu_nanos_of(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    threads.map(|thread| cpu_nanos(&thread.expect("a thread").path().display().to_string())).sum()
}

/// The CPU time of the thread with this directory in `/proc`, in nanoseconds.
///
/// # Panics
///
/// If there is no such thread.
#[must_use]
pub fn cpu_nanos(directory: &str) -> f64 {
    let text = fs::read_to_string(format!("{directory}/schedstat")).expect("Linux");
    as_f64(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds"))
}

/// Serves the receiver of this name on the last core, and prints its address.
///
/// # Panics
///
/// If no receiver has this name, or the server cannot be started.
pub fn serve(name: &str) {
    pin(Core::Last);
    let receiver = AnyReceiver::all().find(|receiver| receiver.name() == name).expect("a receiver");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    println!("{}", listener.local_addr().expect("an address"));
    match receiver {
        AnyReceiver::Axum(receiver) => serve_axum(receiver, listener),
        AnyReceiver::Actix(receiver) => {
            let configure = receiver.configure();
            let server = HttpServer::new(move || App::new().configure(configure.clone()));
            // A connection waits for its turn for longer than the five seconds of the defaults.
            let server = server.keep_alive(MINUTES).client_request_timeout(MINUTES).workers(1);
            let server = server.listen(listener).expect("a listener").run();
            actix_web::rt::System::new().block_on(server).expect("it serves");
        }
    }
}

fn serve_axum(receiver: Receiver, listener: TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        axum::serve(listener, receiver.router()).await.expect("it serves");
    });
}

/// One of the cores that this process may use.
#[derive(Debug, Clone, Copy)]
pub enum Core {
    First,
    Last,
}

/// Keeps this thread, and those that it starts, on one core.
///
/// # Panics
///
/// If the process may use no core.
pub fn pin(core: Core) {
    let allowed = sched_getaffinity(None).expect("the process's cores");
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let core = match core {
        Core::First => cores.next(),
        Core::Last => cores.next_back(),
    };
    let mut only = CpuSet::new();
    only.set(core.expect("a core"));
    sched_setaffinity(None, &only).expect("a core that may be used");
}
