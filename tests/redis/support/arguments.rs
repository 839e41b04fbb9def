//! Arguments of redis-server.

use super::directory::Directory;

/// Arguments of servers that hold data: nothing on disk, and replicas that need not wait.
pub fn data(directory: &Directory) -> Vec<String> {
    let options = "--appendonly no --repl-diskless-sync-delay 0 --enable-debug-command local --dir";
    let options: Vec<_> = options.split(' ').collect();
    [words(&["--save", ""]), words(&options), vec![directory.file("")]].concat()
}

pub fn common(directory: &Directory) -> Vec<String> {
    let (socket, log) = (directory.file("socket"), directory.file("log"));
    words(&["--bind", "127.0.0.1", "--unixsocket", &socket, "--logfile", &log])
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

pub fn after(words: &[&str], option: &str) -> Option<String> {
    let position = words.iter().position(|word| *word == option)?;
    words.get(position + 1).map(ToString::to_string)
}
