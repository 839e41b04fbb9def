//! Hints on how to fix the cause of an error.

/// Returns the text to put after the error's, or nothing.
pub(super) fn hint(error: &tokio_postgres::Error, text: &str) -> &'static str {
    let code = error.code().map(tokio_postgres::error::SqlState::code);
    code.and_then(|code| by_code(code, text)).or_else(|| by_text(text)).unwrap_or("")
}

fn by_code(code: &str, text: &str) -> Option<&'static str> {
    Some(match code {
        "53300" => ": lower `connections`, or raise max_connections",
        "53100" => ": the server's disk is full",
        "28000" if text.contains("no encryption") => NO_ENCRYPTION,
        "28000" if text.contains("client certificate") => CLIENT_CERTIFICATE,
        "28P01" | "28000" => ": check the user and the password in the URL",
        "3D000" => ": create the database, or correct its name in the URL",
        "42501" => ": grant the rights that PostgresStore::schema_sql lists",
        "55P03" => ": a handler holds its delivery's row: set idle_in_transaction_session_timeout",
        "25006" => ": the server is a standby, or read-only",
        _ => return None,
    })
}

fn by_text(text: &str) -> Option<&'static str> {
    let rule = TLS.iter().find(|(parts, _)| parts.iter().any(|part| text.contains(part)));
    rule.map(|(_, hint)| *hint)
}

/// Parts of an error's text, and the hint. The first rule of which a part is found applies.
const TLS: &[(&[&str], &str)] = &[
    (&["does not support TLS"], ": set ssl = on there, or write sslmode=disable"),
    (&["UnknownIssuer"], ISSUER),
    (
        &["CaUsedAsEndEntity"],
        ": its certificate is a CA's own. Issue another for the server, and name the CA's file with \
         ?sslrootcert=",
    ),
    (
        &["not valid for", "NotValidForName"],
        ": use a host name that is in its certificate. To connect to another address, add &hostaddr=",
    ),
    (
        &["certificate expired", "not valid yet", "Expired", "NotValidYet"],
        ": renew its certificate, or set this machine's clock right",
    ),
    (
        &["alert: UnknownCA", "alert: BadCertificate", "alert: DecryptError"],
        ": it does not trust the certificate after sslcert=",
    ),
];

const NO_ENCRYPTION: &str =
    ": write sslmode=require, which needs the feature `postgres-tls`, or allow it in pg_hba.conf";
const CLIENT_CERTIFICATE: &str = ": name the client's with ?sslcert= and &sslkey=";
const ISSUER: &str = ": the CA that issued its certificate is not trusted here. Name that CA's file \
                      with ?sslrootcert=, or write sslmode=disable to do without TLS";
