//! The client's address behind proxies.

mod element;
mod node;

use std::net::IpAddr;

use ipnet::IpNet;

use self::node::address_of;
use super::networks::has;

/// The header in which the proxies name the client.
///
/// A proxy sets one of them and passes the other one on as the client sent it. So exactly one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.2`, and `X-Forwarded-Proto: https`. Most proxies set these.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7;proto=https` (RFC 7239).
    Forwarded,
}

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// `None` if the trusted proxies do not name one.
    pub(super) address: Option<IpAddr>,
    /// Whether a trusted proxy says that the request came in clear, or does not say that it came by HTTPS.
    pub(super) is_in_clear: bool,
}

/// One address of the header, and what its proxy says of the protocol.
struct Hop {
    address: Option<IpAddr>,
    is_https: bool,
}

/// The most addresses that are read. No request passes more proxies, and an attacker could list
/// thousands.
const MOST_HOPS: usize = 32;

/// The longest line of `Forwarded` that is read, in bytes. Proxies write a few hundred.
const LONGEST: usize = 8 * 1024;

impl Client {
    /// The peer, or behind trusted proxies the right-most address that is not one of theirs. Everything
    /// left of it is what the client says. `lines_of` returns the values of all lines of a header.
    pub(super) fn of<'a, L: IntoIterator<Item = &'a [u8]>>(
        peer: IpAddr,
        proxies: &[IpNet],
        header: ForwardedHeader,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Self {
        if !has(proxies, peer) {
            return Self { address: Some(peer.to_canonical()), is_in_clear: false };
        }
        let lines: Vec<_> = lines_of(header.name()).into_iter().collect();
        let hops = lines.into_iter().rev().flat_map(|line| header.hops(line));
        let (address, is_https) = first_stranger(hops.take(MOST_HOPS), proxies);
        let is_https = match header {
            ForwardedHeader::Forwarded => is_https,
            ForwardedHeader::XForwardedFor => are_https(lines_of("x-forwarded-proto")),
        };
        Self { address, is_in_clear: !is_https }
    }
}

/// The first address that is not a trusted proxy's, and whether all proxies up to there say HTTPS.
///
/// There is none if the header is missing or has trusted proxies alone. A proxy is never taken for the
/// client: one that does not set the header would let everyone in.
fn first_stranger(hops: impl Iterator<Item = Hop>, proxies: &[IpNet]) -> (Option<IpAddr>, bool) {
    let mut all_https = true;
    for hop in hops {
        all_https &= hop.is_https;
        if !hop.address.is_some_and(|address| has(proxies, address)) {
            return (hop.address, all_https);
        }
    }
    (None, false)
}

impl ForwardedHeader {
    fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// The addresses of a line, the right-most first.
    fn hops(self, line: &[u8]) -> Vec<Hop> {
        match self {
            Self::XForwardedFor => {
                let parts = line.rsplit(|byte| *byte == b',').take(MOST_HOPS);
                let hop = |part| Hop { address: address_of(part), is_https: false };
                parts.map(hop).collect()
            }
            Self::Forwarded => hops_of_elements(line),
        }
    }
}

/// A line that cannot be read as a whole hides the client. A quote that the client left open would
/// otherwise make what the proxy added a part of what the client sent.
fn hops_of_elements(line: &[u8]) -> Vec<Hop> {
    let line = str::from_utf8(line).ok().filter(|line| line.len() <= LONGEST);
    let Some(elements) = line.and_then(element::elements) else {
        return vec![Hop { address: None, is_https: false }];
    };
    let hop = |element: element::Element| Hop {
        address: element.node.and_then(|node| address_of(node.as_bytes())),
        is_https: element.proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
    };
    elements.into_iter().rev().map(hop).collect()
}

/// `https`, or from several proxies `https, https`. At least one has to say so.
fn are_https<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut protocols =
        lines.into_iter().flat_map(|line| line.split(|byte| *byte == b',')).peekable();
    protocols.peek().is_some()
        && protocols.all(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests;
