//! The scripts. Each is one atomic step in the server.

use redis::{Arg, Cmd, ErrorKind, RedisError, ServerErrorKind, ToRedisArgs, Value};

use super::connection::Connection;

/// A script. It is run by its hash, and sent in full only to a server that does not know it.
pub(super) struct Script {
    code: &'static str,
    hash: String,
}

/// Room for the arguments of a call, and for their bytes. With it, a call is built without
/// growing a vector.
const ARGUMENTS: usize = 12;
const BYTES: usize = 512;

impl Script {
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// A call of this script for these keys, which write their number first. The caller adds the
    /// arguments.
    pub(super) fn call(&self, keys: &impl ToRedisArgs) -> Cmd {
        let mut call = Cmd::with_capacity(ARGUMENTS, BYTES);
        call.arg("EVALSHA").arg(&self.hash).arg(keys);
        call
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
        call: &Cmd,
    ) -> Result<Value, RedisError> {
        match connection.query(call).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                connection.query(&self.in_full(call)).await
            }
            answer => answer,
        }
    }

    /// The same call, with the code in place of its hash.
    fn in_full(&self, call: &Cmd) -> Cmd {
        let mut in_full = redis::cmd("EVAL");
        in_full.arg(self.code);
        for argument in call.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                in_full.arg(argument);
            }
        }
        in_full
    }
}
