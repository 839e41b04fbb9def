mod network;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::IpNet;

pub use self::network::NetworkError;

/// The addresses that Nevent sends from, by its documentation.
pub const NEVENT_ADDRESSES: [&str; 3] = ["35.198.123.45", "34.76.234.67", "104.155.67.89"];

/// A list of networks, which can be replaced while it is in use. Clones share it.
///
/// A network is an address, such as `35.198.123.45` or `2001:db8::1`, or a range in CIDR notation, such as
/// `10.0.0.0/8`. An IPv4 address that is mapped into IPv6, such as `::ffff:35.198.123.45`, is that IPv4
/// address, in the list and in a request. So `::/0` is all of IPv6 and nothing of IPv4.
///
/// ```
/// use nevent_webhooks::source::Networks;
///
/// let networks = Networks::new(["192.0.2.7", "2001:db8::/32"])?;
/// assert!(networks.contains("192.0.2.7".parse().unwrap()));
/// assert!(networks.contains("::ffff:192.0.2.7".parse().unwrap()));
/// assert!(!networks.contains("192.0.2.8".parse().unwrap()));
///
/// networks.replace(["192.0.2.8"])?; // For all clones, from the next request on.
/// assert!(networks.contains("192.0.2.8".parse().unwrap()));
/// # Ok::<(), nevent_webhooks::source::NetworkError>(())
/// ```
#[derive(Clone)]
pub struct Networks(Arc<RwLock<Arc<[IpNet]>>>);

impl Networks {
    /// Creates a list of these networks. An empty list contains no address.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] names the first text that is no network, or that is a range with an address in its
    /// middle, such as `10.1.2.3/8`.
    pub fn new<N: AsRef<str>>(networks: impl IntoIterator<Item = N>) -> Result<Self, NetworkError> {
        Ok(Self::of(parsed(networks)?))
    }

    /// The addresses that Nevent sends from: [`NEVENT_ADDRESSES`].
    #[must_use]
    pub fn nevent() -> Self {
        Self::of(NEVENT_ADDRESSES.iter().filter_map(|text| network::parse(text).ok()).collect())
    }

    pub(super) fn none() -> Self {
        Self::of(Arc::default())
    }

    fn of(networks: Arc<[IpNet]>) -> Self {
        Self(Arc::new(RwLock::new(networks)))
    }

    /// Replaces the list for all clones. If one of the texts is no network, the list stays as it was.
    /// Requests that are being checked go on with the list that they began with.
    ///
    /// # Errors
    ///
    /// As for [`Networks::new`].
    pub fn replace<N: AsRef<str>>(
        &self,
        networks: impl IntoIterator<Item = N>,
    ) -> Result<(), NetworkError> {
        let networks = parsed(networks)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = networks;
        Ok(())
    }

    /// Returns whether one of the networks contains this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        has(&self.now(), address)
    }

    /// The list as it is now, which a replacement does not change.
    pub(super) fn now(&self) -> Arc<[IpNet]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) fn has(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

fn parsed<N: AsRef<str>>(
    networks: impl IntoIterator<Item = N>,
) -> Result<Arc<[IpNet]>, NetworkError> {
    networks.into_iter().map(|text| network::parse(text.as_ref())).collect()
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.now().iter().map(ToString::to_string)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_has_no_address_and_a_failed_replacement_changes_nothing() {
        let none = Networks::new([""; 0]).unwrap();
        assert!(!none.contains("127.0.0.1".parse().unwrap()));
        let networks = Networks::nevent();
        let clone = networks.clone();
        assert!(networks.replace(["127.0.0.1", "localhost"]).is_err());
        assert!(clone.contains("34.76.234.67".parse().unwrap()));
        networks.replace(["127.0.0.1"]).unwrap();
        assert!(!clone.contains("34.76.234.67".parse().unwrap()));
        assert!(clone.contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_preset_has_all_three_addresses() {
        let text = r#"["35.198.123.45/32", "34.76.234.67/32", "104.155.67.89/32"]"#;
        assert_eq!(format!("{:?}", Networks::nevent()), text);
    }
}
