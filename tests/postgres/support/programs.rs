//! The programs of PostgreSQL, run by a user who is not root: they refuse to be.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

const NOT_INSTALLED: &str =
    "PostgreSQL is not installed: run ./test, which installs it, or apt-get install postgresql";

/// Where Debian keeps the programs of the newest version.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect(NOT_INSTALLED);
    let version = |entry: std::fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse::<u32>().ok()?;
        entry.path().join("bin/initdb").exists().then(|| (number, entry.path().join("bin")))
    };
    let newest = versions.filter_map(|entry| version(entry.ok()?)).max();
    newest.expect(NOT_INSTALLED).1
});

static IS_ROOT: LazyLock<bool> = LazyLock::new(|| {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout == b"0\n"
});

/// A program of PostgreSQL. It replaces its own starter, so signals reach it.
pub fn program(name: &str) -> Command {
    as_postgres(PROGRAMS.join(name))
}

/// A program, run by the user who runs the servers.
pub fn as_postgres(path: impl AsRef<Path>) -> Command {
    let path = path.as_ref();
    let mut command = if *IS_ROOT {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    // The directory that the tests run in may be closed to that user.
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) {
    let output = command.output().expect("an installed program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}

/// Lets the user who runs the servers own this directory and all that is in it.
pub fn give_to_postgres(path: &Path) {
    if *IS_ROOT {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(path));
    }
}
