//! Hints on how to fix the cause of an error of the `redis` crate.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Returns the text to put after the error's, or nothing.
pub(super) fn hint(error: &RedisError) -> &'static str {
    by_kind(error).or_else(|| by_text(&error.to_string())).unwrap_or("")
}

fn by_kind(error: &RedisError) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            ". It is a node of a Cluster: use redis-cluster://"
        }
        ErrorKind::Server(ServerErrorKind::BusyLoading) => ". It will answer once it has",
        ErrorKind::Server(ServerErrorKind::ClusterDown) => ". Look at CLUSTER INFO",
        ErrorKind::MasterNameNotFoundBySentinel => SENTINELS,
        ErrorKind::ClusterConnectionNotFound => NO_NODES,
        ErrorKind::Parse => ". Is that a Redis server?",
        _ if error.is_timeout() => SILENT,
        _ => return None,
    })
}

/// The hint for an error without a kind. A Cluster's errors lose theirs, because a text is
/// put before them. So do a script's errors, in servers before version 7.
fn by_text(error: &str) -> Option<&'static str> {
    let rule = RULES.iter().find(|(texts, _)| texts.iter().any(|text| error.contains(text)));
    rule.map(|(_, hint)| *hint)
}

/// Whether the server says that it is not the master.
pub(super) fn is_read_only(error: &RedisError) -> bool {
    let text = error.to_string();
    READ_ONLY.iter().any(|read_only| text.contains(read_only))
}

/// Whether the master refuses writes because too few replicas follow it.
pub(super) fn lacks_replicas(error: &RedisError) -> bool {
    error.to_string().contains(NO_REPLICAS)
}

/// Parts of an error's text, and the hint. The first rule of which a part is found applies.
const RULES: &[(&[&str], &str)] = &[
    // The state of the server.
    (&["OOM"], ". Its memory is full: raise `maxmemory`, or give this store its own server"),
    (&[NO_REPLICAS], ". Fewer replicas are in sync than `min-replicas-to-write`"),
    (&["MISCONF"], ". It cannot write its data to disk: make room, or read its log"),
    (READ_ONLY, ". It is a replica: give the master's address, or use redis-sentinel://"),
    (&["that is a replica"], ". Was it demoted by FAILOVER? Use SENTINEL FAILOVER"),
    (&["max number of clients"], ". Raise its `maxclients`, or close other connections"),
    (&["protected mode"], ". Give it a password, or turn off its `protected-mode`"),
    // The network.
    (&["onnection refused"], ". Is it running, and is the address right?"),
    (HUNG_UP, ". It hung up: did it stop, or does it speak TLS only? Then use rediss://"),
    (&["timed out"], SILENT),
    (&["failed to lookup"], ". Is the host's name right?"),
    // Permissions and commands.
    (&["asks for a password of its own"], ". Make a `SentinelClient` that has it"),
    (&["WRONGPASS", "NOAUTH", "invalid username-password", "uthentication"], CREDENTIALS),
    (&["The user executing the script", "no permissions"], RIGHTS),
    (&["DB index", "SELECT is not allowed"], ". Check the database number in the URL"),
    (&["cluster support disabled"], ". It is not a Cluster: use redis://"),
    (&["does not point to a sentinel"], SENTINELS),
    (
        &["unknown command"],
        ". The store needs it: allow it, or connect without the proxy in between",
    ),
    // Certificates.
    (&["UnknownIssuer"], ISSUER),
    (&["CaUsedAsEndEntity"], SELF_SIGNED),
    (&["not valid for", "NotValidForName"], ". Use a host name that is in its certificate"),
    (&["xpired", "NotValidYet"], ". Renew its certificate, or set this machine's clock right"),
    (&["CertificateRequired"], ". Name the client's certificate with ?cert_file= and &key_file="),
    (&["KeyMismatch"], ". The key after key_file= is not that of the certificate after cert_file="),
    (
        &["failed to parse private key"],
        ". The file after key_file= holds no RSA, ECDSA or Ed25519 key",
    ),
    (&["UnknownCA", "BadCertificate"], ". It does not trust the certificate after cert_file="),
];

const NO_REPLICAS: &str = "NOREPLICAS";
const READ_ONLY: &[&str] = &["ReadOnly", "READONLY"];
const HUNG_UP: &[&str] =
    &["roken pipe", "onnection reset", "unexpectedly closed", "unexpected end"];
const SILENT: &str = ". Is it overloaded or stopped, is something in between, or TLS on one side \
                      only? If it is only slow, raise the timeout in `RedisOptions`";
const NO_NODES: &str =
    ". Does it have slots, and can the addresses in CLUSTER SLOTS be reached from here?";
const CREDENTIALS: &str = ". Check the user and the password in the URL";
const SENTINELS: &str = ". Check the name after `master=`, and that these are Sentinels";
const RIGHTS: &str = ". Give its user the permissions that `RedisStore` names";
const ISSUER: &str = ". The CA that issued its certificate is not trusted here: name that CA's file \
                      with ?ca_file=";
const SELF_SIGNED: &str = ". Its certificate is a CA's own: issue another for the server, and name the \
                           CA's file with ?ca_file=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_hint() {
        for (kind, advised) in [
            (ErrorKind::Server(ServerErrorKind::BusyLoading), "It will answer once it has"),
            (ErrorKind::Server(ServerErrorKind::ClusterDown), "Look at CLUSTER INFO"),
            (ErrorKind::Server(ServerErrorKind::Ask), "use redis-cluster://"),
            (ErrorKind::MasterNameNotFoundBySentinel, "and that these are Sentinels"),
            (ErrorKind::Parse, "Is that a Redis server?"),
        ] {
            let error = RedisError::from((kind, "as it says"));
            assert!(hint(&error).ends_with(advised), "{kind:?}");
        }
    }
}
