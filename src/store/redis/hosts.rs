//! The hosts of a URL that names several.

use redis::ConnectionInfo;

use super::url::connection_info;

/// The part of a URL after `://`, with several hosts.
pub(super) struct Hosts<'a> {
    user: &'a str,
    pub(super) names: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Hosts<'a> {
    pub(super) fn parse(rest: &'a str) -> Self {
        let (rest, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The text before the hosts is the user, with its `@`.
        let names = rest.rsplit('@').next().unwrap_or_default();
        let user = rest.strip_suffix(names).unwrap_or_default();
        Self { user, names, path }
    }

    /// Returns the address of each host, as if the URL named that host alone.
    pub(super) fn each(
        &self,
        scheme: &str,
        default_port: &str,
    ) -> Result<Vec<ConnectionInfo>, String> {
        let Self { user, names, path, .. } = self;
        if user.trim_end_matches('@').contains(['@', ',']) {
            return Err("has more than one user, or an @ in a password: user and password stand \
                        once, before the first host; write @ as %40 and , as %2C"
                .to_owned());
        }
        let of_host = |host: &str| {
            // Colons in brackets are those of an IPv6 address.
            let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
            let port = if has_port { "" } else { default_port };
            connection_info(&format!("{scheme}://{user}{host}{port}/{path}"))
        };
        names.split(',').map(of_host).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_from_users_and_ports() {
        let hosts = Hosts::parse("me:p%40ss@a,[::1]:1,[::1]/2");
        let infos = hosts.each("redis", ":26379").expect("hosts");
        let addresses: Vec<_> = infos.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!(addresses, ["a:26379", "::1:1", "::1:26379"]);
        assert_eq!(infos[1].redis_settings().password(), Some("p@ss"));
        assert_eq!(infos[2].redis_settings().db(), 2);
    }
}
