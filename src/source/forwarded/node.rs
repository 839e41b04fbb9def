use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of a node of `X-Forwarded-For` or `Forwarded`: `192.0.2.1`, `192.0.2.1:4711`,
/// `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`. An IPv4 address that is mapped into IPv6 is
/// that IPv4 address.
///
/// Anything else has no address, such as `unknown` or a made-up name (`_hidden`).
pub(super) fn address_of(node: &[u8]) -> Option<IpAddr> {
    let node = str::from_utf8(node).ok()?.trim_matches([' ', '\t']);
    let address = node.parse::<IpAddr>().ok();
    address.or_else(|| bracketed(node)).or_else(|| v4_with_port(node)).map(|ip| ip.to_canonical())
}

fn bracketed(node: &str) -> Option<IpAddr> {
    let (address, port) = node.strip_prefix('[')?.split_once(']')?;
    let is_node = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    address.parse::<Ipv6Addr>().ok().filter(|_| is_node).map(IpAddr::from)
}

fn v4_with_port(node: &str) -> Option<IpAddr> {
    let (address, port) = node.split_once(':')?;
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::from)
}

/// Up to five digits, or a made-up name such as `_http`.
fn is_port(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(is_name_byte),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_port_and_brackets() {
        for (node, address) in [
            ("192.0.2.1", "192.0.2.1"),
            (" \t192.0.2.1 ", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("192.0.2.1:_http", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("[2001:db8::1]:65535", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:c000:201]:1", "192.0.2.1"),
        ] {
            assert_eq!(address_of(node.as_bytes()), address.parse().ok(), "{node}");
        }
    }

    #[test]
    fn anything_else_has_no_address() {
        for node in [
            "",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.1.5",
            "192.0.2.01",
            "0xc0.0.2.1",
            "3221225985",
            "192.0.2.1/32",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:_",
            "192.0.2.1:123456",
            "192.0.2.1 35.198.123.45",
            "192.0.2.1\u{a0}",
            "192.0.2.1\0",
            "\"192.0.2.1\"",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "[[2001:db8::1]]",
            "fe80::1%eth0",
            "2001:db8:0:0:0:0:0:1:4711",
            "１92.0.2.1",
        ] {
            assert_eq!(address_of(node.as_bytes()), None, "{node:?}");
        }
        assert_eq!(address_of(b"192.0.2.1\xff"), None);
    }
}
