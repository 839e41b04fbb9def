use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::forwarded::Client;
use super::{ForwardedHeader, Networks};
use crate::RejectionResponse;
use crate::delivery::Scope;
use crate::observe::{LayerKind, Observation, Observer, Observers, Outcome};
use crate::rejection::{Rejection, Respond};

/// A layer that forwards requests from addresses on a list, and answers 403 `Forbidden` to all others
/// before anything but the head of the request is read.
///
/// It is a Tower layer and a middleware of actix-web. Put it outside of [`VerifyLayer`](crate::VerifyLayer)
/// and all other layers that read the body. **A list proves nothing**: it saves work, and the signature is
/// the proof.
///
/// The address is that of the connection's peer. If your receiver is behind proxies, name them with
/// [`trusted_proxies`](Self::trusted_proxies). In actix-web the server knows the peer. In Tower the layer
/// takes the [`SocketAddr`](std::net::SocketAddr) in the request's extensions, or what the function of
/// `peer_address` returns. If nobody knows the peer, every request is answered 500.
///
/// ```
/// # #[cfg(all(feature = "axum", feature = "memory"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::net::SocketAddr;
/// use axum::{Router, extract::ConnectInfo, routing::post};
/// use nevent_webhooks::source::{Networks, SourceLayer};
/// # use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer, store::MemoryStore};
///
/// # async fn handle() {}
/// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// # let verify = VerifyLayer::new(Verifier::new(secret));
/// # let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// let source = SourceLayer::new(Networks::nevent())
///     .trusted_proxies(Networks::new(["10.0.0.7"])?)
///     .peer_address(|request| Some(request.get::<ConnectInfo<SocketAddr>>()?.ip()));
/// let webhook = post(handle).route_layer((source, verify, dedupe));
/// let app = Router::new().route("/webhooks/nevent", webhook);
/// // axum::serve(listener, service)
/// let service = app.into_make_service_with_connect_info::<SocketAddr>();
/// # Ok(()) }
/// # #[cfg(not(all(feature = "axum", feature = "memory")))]
/// # fn main() {}
/// ```
#[derive(Clone)]
#[must_use]
pub struct SourceLayer {
    networks: Networks,
    proxies: Networks,
    header: ForwardedHeader,
    is_https_only: bool,
    #[cfg(feature = "tower")]
    peer: Arc<PeerFn>,
    scope: Option<Scope>,
    observers: Observers,
    pub(crate) respond: Respond,
}

#[cfg(feature = "tower")]
type PeerFn = dyn Fn(&http::Extensions) -> Option<IpAddr> + Send + Sync;

impl SourceLayer {
    /// Creates a layer that forwards requests from these networks. Keep a clone of the list to
    /// [replace](Networks::replace) it while the layer is in use.
    ///
    /// An empty list forwards nothing.
    pub fn new(networks: Networks) -> Self {
        Self {
            networks,
            proxies: Networks::none(),
            header: ForwardedHeader::default(),
            is_https_only: false,
            #[cfg(feature = "tower")]
            peer: Arc::new(|request| Some(request.get::<std::net::SocketAddr>()?.ip())),
            scope: None,
            observers: Observers::default().with_built_in(LayerKind::Checks),
            respond: Respond::default(),
        }
    }

    /// Sets the networks of your proxies. By default there are none, and no header is read.
    ///
    /// If the peer is a proxy, the right-most address in its [header](Self::forwarded_header) that is not a
    /// proxy's counts: the last one that a proxy of yours has seen. Everything left of it is what the client
    /// says. If there is no such address, or it cannot be read, the request is answered 403. So a proxy is
    /// never the client, whatever the list says.
    ///
    /// **Name no network from which others can reach the receiver or a proxy, and no proxy that does not
    /// set the header.** Others could claim to be anyone.
    ///
    /// ```
    /// use nevent_webhooks::source::{Networks, SourceLayer};
    ///
    /// let proxies = Networks::new(["127.0.0.1", "2001:db8:7::/48"])?;
    /// let source = SourceLayer::new(Networks::nevent()).trusted_proxies(proxies);
    /// # Ok::<(), nevent_webhooks::source::NetworkError>(())
    /// ```
    pub fn trusted_proxies(mut self, proxies: Networks) -> Self {
        self.proxies = proxies;
        self
    }

    /// Sets the header in which the proxies name the client. `X-Forwarded-For` by default. The other one
    /// is never read.
    pub fn forwarded_header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Rejects with 403 `HTTPS required` what a trusted proxy says came in clear, or does not say came by
    /// HTTPS. By default the protocol does not matter.
    ///
    /// The proxies say it with `X-Forwarded-Proto: https` or, in `Forwarded`, with `proto=https`. Each of
    /// several proxies must. **The proxy must overwrite an `X-Forwarded-Proto` that the client sent**, or
    /// the client decides.
    ///
    /// Requests that come from no proxy are not affected: only your own server knows whether such a
    /// connection has TLS.
    pub fn https_only(mut self) -> Self {
        self.is_https_only = true;
        self
    }

    /// Sets the function that finds the address of the connection's peer in the extensions of a request,
    /// in Tower. By default it is the [`SocketAddr`](std::net::SocketAddr) there.
    ///
    /// `None` is answered 500. A server on a Unix socket has no such address. If only your proxy can
    /// connect to the socket, return an address of the [trusted proxies](Self::trusted_proxies).
    #[cfg(feature = "tower")]
    pub fn peer_address(
        mut self,
        of: impl Fn(&http::Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.peer = Arc::new(of);
        self
    }

    /// Sets the scope that observations and log lines of this layer have. None by default.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Adds an [`Observer`], which is told of each rejection.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Sets the function that returns the bodies of the layer's responses. See
    /// [`VerifyOptions::rejection_response`](crate::VerifyOptions::rejection_response).
    pub fn rejection_response(
        mut self,
        respond: impl Fn(&Rejection) -> RejectionResponse + Send + Sync + 'static,
    ) -> Self {
        self.respond = Respond::with(respond);
        self
    }

    #[cfg(feature = "tower")]
    pub(crate) fn peer_of(&self, extensions: &http::Extensions) -> Option<IpAddr> {
        (self.peer)(extensions)
    }

    /// Checks whether the request may pass, and tells the observers if not. `lines_of` returns the values
    /// of all lines of a header.
    pub(crate) fn check<'a, L: IntoIterator<Item = &'a [u8]>>(
        &self,
        peer: Option<IpAddr>,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<(), Rejection> {
        let checked = self.allow(peer, lines_of);
        if let Err(rejection) = &checked {
            self.observers.observe(&Observation {
                outcome: Outcome::Rejected { rejection },
                scope: self.scope.as_ref(),
                scheme: None,
                delivery_id: None,
                event_id: None,
                event_type: None,
                is_split: false,
            });
        }
        checked
    }

    fn allow<'a, L: IntoIterator<Item = &'a [u8]>>(
        &self,
        peer: Option<IpAddr>,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<(), Rejection> {
        let peer = peer.ok_or(Rejection::UnknownPeer)?;
        let client = Client::of(peer, &self.proxies.now(), self.header, lines_of);
        if !client.address.is_some_and(|address| self.networks.contains(address)) {
            return Err(Rejection::SourceForbidden { address: client.address });
        }
        if self.is_https_only && client.is_in_clear {
            return Err(Rejection::InClear);
        }
        Ok(())
    }
}

impl fmt::Debug for SourceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceLayer")
            .field("networks", &self.networks)
            .field("trusted_proxies", &self.proxies)
            .field("forwarded_header", &self.header)
            .field("https_only", &self.is_https_only)
            .finish_non_exhaustive()
    }
}
