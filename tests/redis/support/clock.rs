use super::directory::Directory;

/// The clock of one process, which can be stepped while the process runs: libfaketime
/// reads its offset from a file. Timers keep to the machine's monotonic clock.
#[derive(Debug)]
pub struct SteppedClock {
    library: String,
    file: String,
}

const NOT_INSTALLED: &str =
    "libfaketime is not installed: run ./test, which installs it, or apt-get install faketime";

impl SteppedClock {
    pub fn new(directory: &Directory) -> Self {
        let file = directory.write("clock", "+0");
        Self { library: library().expect(NOT_INSTALLED), file }
    }

    pub fn step(&self, directory: &Directory, seconds: i64) {
        // Renamed into place: the process never reads half a number.
        let next = directory.write("clock.next", &format!("{seconds:+}"));
        std::fs::rename(next, &self.file).expect("a directory of ours");
    }

    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            // glibc's allocator takes the place of jemalloc, which asks for the time
            // before libfaketime is ready to answer.
            ("LD_PRELOAD", format!("{} libc.so.6", self.library)),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

fn library() -> Option<String> {
    let directories = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut files = directories.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    Some(files.find(|file| file.exists())?.to_str()?.to_owned())
}
