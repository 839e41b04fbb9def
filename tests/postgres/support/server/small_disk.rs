//! A disk of a megabyte, which only its server sees. To mount it needs root.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Server;

/// The command, with a small disk mounted at this directory for it and its children.
pub(super) fn on_it(command: &Command, directory: &Path) -> Command {
    let _ = std::fs::create_dir(directory);
    let mut on_it = Command::new("unshare");
    let mount = r#"mount -t tmpfs -o size=1M,mode=0777 none "$0" && cd / && exec "$@""#;
    on_it.args(["--mount", "sh", "-c", mount]).arg(directory);
    let arguments: Vec<&OsStr> = command.get_args().collect();
    on_it.arg(command.get_program()).args(arguments);
    on_it
}

impl Server {
    /// With the store's tables, which it creates, on a small disk.
    pub async fn on_a_small_disk() -> Self {
        let server = Self::launch(&[], true).await;
        server.store().await;
        let disk = server.directory.path().join("disk/tables");
        let tables = server.seen_from_outside("tables");
        std::fs::create_dir(&tables).expect("root");
        super::give_to_postgres(&tables);
        server.execute(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.display())).await;
        for kind in ["TABLE", "INDEX"] {
            server
                .execute(&format!("ALTER {kind} ALL IN TABLESPACE pg_default SET TABLESPACE small"))
                .await;
        }
        server
    }

    /// Leaves no byte free.
    pub fn fill_the_disk(&self) {
        let mut file = std::fs::File::create(self.seen_from_outside("filler")).expect("root");
        for size in [4096, 1] {
            let error = loop {
                if let Err(error) = file.write_all(&vec![0; size]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
    }

    pub fn clear_the_disk(&self) {
        std::fs::remove_file(self.seen_from_outside("filler")).expect("the filler");
    }

    fn seen_from_outside(&self, name: &str) -> PathBuf {
        let disk = self.directory.path().join("disk");
        let disk = disk.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.process.0.id().to_string()).join("root").join(disk).join(name)
    }
}
