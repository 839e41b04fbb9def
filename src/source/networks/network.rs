use std::net::IpAddr;

use ipnet::IpNet;

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The text is neither an address nor a range.
    #[error(
        "{text:?} is no network: write an address, such as 192.0.2.7, or a range, such as 10.0.0.0/8"
    )]
    #[non_exhaustive]
    Malformed {
        /// The text, at most 64 characters of it.
        text: String,
    },
    /// The address of a range is not the first one of the range. The length of the range may be wrong.
    #[error("{address} is not the first address of {range}: write {range}, or {address} alone")]
    #[non_exhaustive]
    NotFirst {
        /// The address.
        address: IpAddr,
        /// The range that the address is in.
        range: String,
    },
}

/// Reads an address or a range.
pub(super) fn parse(text: &str) -> Result<IpNet, NetworkError> {
    let text = text.trim();
    let malformed = || NetworkError::Malformed { text: text.chars().take(64).collect() };
    let network = network(text).and_then(unmapped).ok_or_else(malformed)?;
    if network.addr() == network.network() {
        return Ok(network);
    }
    Err(NetworkError::NotFirst { address: network.addr(), range: network.trunc().to_string() })
}

/// The address is read as those of requests are. The parser of `IpNet` is more lenient: it takes
/// `010.0.0.0` for `10.0.0.0`, which others read as `8.0.0.0`.
fn network(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
    let length = length.parse().ok().filter(|_| is_number)?;
    IpNet::new(address.parse().ok()?, length).ok()
}

/// The IPv4 network that is mapped into IPv6. `None` for a part of IPv6 around it that is wider than all
/// of IPv4: nobody means that.
fn unmapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(mapped) = network else { return Some(network) };
    let Some(address) = mapped.addr().to_ipv4_mapped() else { return Some(network) };
    let length = mapped.prefix_len().checked_sub(96)?;
    IpNet::new(address.into(), length).ok()
}

#[cfg(test)]
mod tests {
    use crate::source::Networks;

    fn contains(network: &str, address: &str) -> bool {
        Networks::new([network]).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_matched_as_what_it_is() {
        assert!(contains(" 35.198.123.45\n", "35.198.123.45"));
        assert!(contains("35.198.123.45", "::ffff:35.198.123.45"));
        assert!(contains("::ffff:35.198.123.45", "35.198.123.45"));
        assert!(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!contains("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert!(!contains("35.198.123.45", "::35.198.123.45"), "not mapped, but embedded");
        assert!(!contains("35.198.123.45", "64:ff9b::35.198.123.45"));
        assert!(!contains("127.0.0.1", "::1") && !contains("::1", "127.0.0.1"));
    }

    #[test]
    fn a_range_has_what_is_within_it() {
        assert!(contains("10.0.0.0/8", "10.0.0.0") && contains("10.0.0.0/8", "10.255.255.255"));
        assert!(!contains("10.0.0.0/8", "9.255.255.255") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("10.0.0.0/8", "::ffff:10.255.0.1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(!contains("::/0", "192.0.2.1") && !contains("::/0", "::ffff:192.0.2.1"));
    }

    #[test]
    fn what_is_no_network_is_an_error_that_names_it() {
        for text in [
            "",
            "nevent.com",
            "10.0.0.0/33",
            "10.0.0",
            "010.0.0.0/8",
            "10.0.0.0/8/8",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.1-10.0.0.9",
            "35.198.123.45, 34.76.234.67",
            "35.198.123.45:443",
            "[::1]",
            "fe80::1%eth0",
            "::ffff:0.0.0.0/90",
        ] {
            let error = Networks::new(["10.0.0.1", text]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{text:?} is no network")), "{error}");
        }
        let long = Networks::new(["x".repeat(1_000_000)]).unwrap_err();
        assert!(long.to_string().len() < 200);
    }

    #[test]
    fn a_range_begins_with_its_first_address() {
        for (text, address, range) in [
            ("35.198.123.45/3", "35.198.123.45", "32.0.0.0/3"),
            ("10.0.0.1/24", "10.0.0.1", "10.0.0.0/24"),
            ("::ffff:10.0.0.1/120", "10.0.0.1", "10.0.0.0/24"),
            ("2001:db8::1/64", "2001:db8::1", "2001:db8::/64"),
        ] {
            let error = Networks::new([text]).unwrap_err().to_string();
            let expected = format!(
                "{address} is not the first address of {range}: write {range}, or {address} alone"
            );
            assert_eq!(error, expected);
        }
    }
}
