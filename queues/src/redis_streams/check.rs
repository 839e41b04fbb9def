//! Checks that a server keeps what it acknowledges.

use std::collections::HashMap;

use redis::aio::ConnectionLike;
use redis::cmd;

use super::{RedisStreamsError, RedisStreamsOptions};

const LEAST_VERSION: u32 = 7;

/// With `is_suspect`, also that its append-only file is complete.
pub(super) async fn check(
    server: &str,
    options: RedisStreamsOptions,
    is_suspect: bool,
    connection: &mut (impl ConnectionLike + Send),
) -> Result<(), RedisStreamsError> {
    let failed = |source| RedisStreamsError::Failed { server: server.to_owned(), source };
    let info: String = cmd("INFO").query_async(connection).await.map_err(failed)?;
    let server = Server { name: server, info: &info };
    server.check_kind()?;
    server.check_info(options)?;
    if options.may_lose_everything {
        return Ok(());
    }
    if is_suspect {
        server.check_rewrite()?;
    }
    let settings = ["appendfsync", "no-appendfsync-on-rewrite"];
    let answer = cmd("CONFIG").arg("GET").arg(&settings).query_async(connection).await;
    match answer {
        Ok(settings) => server.check_settings(options, &settings),
        Err(_) if options.may_be_unchecked => Ok(()),
        // The server forbids the command, or does not know it.
        Err(source) if source.code().is_some() => {
            Err(RedisStreamsError::Unchecked { server: server.name.to_owned(), source })
        }
        Err(source) => Err(failed(source)),
    }
}

struct Server<'a> {
    name: &'a str,
    info: &'a str,
}

impl Server<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.info.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    }

    fn check_kind(&self) -> Result<(), RedisStreamsError> {
        if self.field("cluster_enabled") == Some("1") {
            return Err(self.unsuitable("a node of a Cluster", "use one server"));
        }
        if self.field("role").is_some_and(|role| role != "master") {
            return Err(self.unsuitable("a replica", "connect to its master"));
        }
        let version = self.field("redis_version").unwrap_or("unknown");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < LEAST_VERSION) {
            let kind = format!("version {}", printable(version));
            return Err(self.unsuitable(&kind, "7.0 or later is needed"));
        }
        Ok(())
    }

    fn check_info(&self, options: RedisStreamsOptions) -> Result<(), RedisStreamsError> {
        let policy = self.field("maxmemory_policy").unwrap_or("noeviction");
        if policy != "noeviction" {
            return Err(self.loses("maxmemory-policy", policy, "it to noeviction"));
        }
        if self.field("aof_enabled") != Some("1") && !options.may_lose_everything {
            return Err(self.loses("appendonly", "no", "appendonly yes and appendfsync always"));
        }
        Ok(())
    }

    /// A server whose file is only being switched on says that it is on. Until the first rewrite has ended,
    /// a restart finds no file, or one without what came since.
    fn check_rewrite(&self) -> Result<(), RedisStreamsError> {
        let is_so = |name| self.field(name) == Some("1");
        if is_so("aof_rewrite_in_progress") || is_so("aof_rewrite_scheduled") {
            let instead =
                "try again when INFO says aof_rewrite_in_progress:0 and aof_rewrite_scheduled:0";
            let kind = "writing its append-only file, which may be incomplete until then";
            return Err(self.unsuitable(kind, instead));
        }
        Ok(())
    }

    fn check_settings(
        &self,
        options: RedisStreamsOptions,
        settings: &HashMap<String, String>,
    ) -> Result<(), RedisStreamsError> {
        let value = |name: &str| settings.get(name).map_or("unknown", String::as_str);
        let fsync = value("appendfsync");
        let allowed = fsync == "everysec" && options.may_lose_a_second;
        if fsync != "always" && !allowed {
            return Err(self.loses("appendfsync", fsync, "it to always"));
        }
        let paused = value("no-appendfsync-on-rewrite");
        if paused != "no" && !options.may_lose_a_second {
            return Err(self.loses("no-appendfsync-on-rewrite", paused, "it to no"));
        }
        Ok(())
    }

    fn loses(
        &self,
        setting: &'static str,
        value: &str,
        instead: &'static str,
    ) -> RedisStreamsError {
        let (server, value) = (self.name.to_owned(), printable(value));
        RedisStreamsError::LosesEntries { server, setting, value, instead }
    }

    fn unsuitable(&self, kind: &str, instead: &'static str) -> RedisStreamsError {
        let (server, kind) = (self.name.to_owned(), kind.to_owned());
        RedisStreamsError::Unsuitable { server, kind, instead }
    }
}

/// A server's answer must not control a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}
