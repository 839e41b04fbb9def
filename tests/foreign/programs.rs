//! The programs that run the packages, and how they are installed.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that reads a question in each line and answers it in another.
pub struct Program(Command);

impl Program {
    /// Installs the packages for Node.
    pub fn node() -> Self {
        // Imports are looked up from the folder of the importing file upwards.
        let folder = copied("node");
        let options =
            ["--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
        run(Command::new("npm").arg("install").args(options).arg("--prefix").arg(&folder));
        let mut node = Command::new("node");
        node.arg(folder.join("main.mjs"));
        Self(node)
    }

    /// Installs the packages for Python, in an environment of their own.
    pub fn python() -> Self {
        let folder = copied("python");
        let environment = folder.join("venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        let python = environment.join("bin/python");
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(Command::new(&python).args(install).arg(folder.join("requirements.txt")));
        let mut program = Command::new(&python);
        program.arg(folder.join("main.py"));
        Self(program)
    }

    /// Writes the questions while `check` reads the answers. Fails unless the program succeeds.
    pub fn talk(
        mut self,
        questions: impl Iterator<Item = String> + Send,
        check: impl FnOnce(&mut dyn Iterator<Item = String>),
    ) {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = self.0.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.0));
        let stdin = program.stdin.take().expect("piped");
        let stdout = program.stdout.take().expect("piped");
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let mut stdin = BufWriter::new(stdin);
                questions.into_iter().try_for_each(|question| writeln!(stdin, "{question}"))
            });
            let mut answers = BufReader::new(stdout).lines().map(|line| line.expect("text"));
            check(&mut answers);
            writer.join().expect("no panic").expect("it reads all questions");
        });
        let status = program.wait().expect("an end");
        assert!(status.success(), "it accepts ours and refuses forged ones: {status}");
    }
}

/// A copy of a folder of this test, where packages can be installed beside the program.
fn copied(name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name);
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign").join(name);
    std::fs::create_dir_all(&to).expect("a writable folder");
    for file in std::fs::read_dir(&from).expect("the folder") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
    to
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| {
        panic!("{command:?}: {error}: install nodejs, npm, and python3 with venv for this test")
    });
    assert!(status.success(), "{command:?}: {status}");
}
