//! The four scripts. Each is one atomic step in the server.

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use super::connection::Connection;

/// A script. It is run by its hash, and sent in full only to a server that does not know it.
pub(super) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// Runs the script.
    ///
    /// A server forgets its scripts at a restart or `SCRIPT FLUSH`, and a promoted replica
    /// never had them. `EVAL` then runs the script and keeps it, in one round trip to the
    /// server that the keys belong to. `SCRIPT LOAD` would be one more round trip, to every
    /// master of a Cluster.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        keys: &[Vec<u8>],
        arguments: &[&[u8]],
    ) -> Result<Value, RedisError> {
        let by_hash = call("EVALSHA", &self.hash, keys, arguments);
        match connection.query(&by_hash).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                connection.query(&call("EVAL", self.code, keys, arguments)).await
            }
            answer => answer,
        }
    }
}

fn call(command: &str, script: &str, keys: &[Vec<u8>], arguments: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    call
}
