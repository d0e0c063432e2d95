//! Where a request really comes from: what a proxy says of it counts only if the proxy is one of ours.

use std::{fmt, net::IpAddr, str::FromStr};

use actix_web::HttpRequest;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

/// The proxies whose `X-Forwarded-…` headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is no list of addresses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address (10.0.0.7) and no network (10.0.0.0/8)")]
pub struct NoAddress(String);

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The visitor's address: the last one in the chain that is none of our proxies. None when the connection has
    /// no address at all.
    pub fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let forwarded = header(request, "x-forwarded-for").unwrap_or_default();
        Some(self.client_of(peer, forwarded))
    }

    fn client_of(&self, peer: IpAddr, forwarded: &str) -> IpAddr {
        let mut client = peer;
        for hop in forwarded.rsplit(',') {
            if !self.contains(client) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }

    /// The host that the visitor asked for, with its port if it was named.
    pub fn host<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        let by_proxy = request.peer_addr().is_some_and(|peer| self.contains(peer.ip()));
        by_proxy
            .then(|| header(request, "x-forwarded-host"))
            .flatten()
            .or_else(|| header(request, "host"))
            .or_else(|| request.uri().authority().map(|authority| authority.as_str()))
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

impl FromStr for TrustedProxies {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let network = |item: &str| {
            item.parse()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| NoAddress(item.to_owned()))
        };
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&items.join(","))
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, forwarded: &str) -> String {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        proxies.client_of(peer.parse().unwrap(), forwarded).to_string()
    }

    #[test]
    fn a_stranger_cannot_say_that_somebody_else_asks() {
        assert_eq!(client("", "203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", "198.51.100.1"), "203.0.113.9");
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_of_ours_is_the_client() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.2", "198.51.100.1"), "198.51.100.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.2", "1.2.3.4, 198.51.100.1, 10.1.1.1"), "198.51.100.1");
        assert_eq!(client("10.0.0.2", "10.0.0.2", "nonsense"), "10.0.0.2");
        assert_eq!(client("::1,127.0.0.1", "127.0.0.1", ""), "127.0.0.1");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!("10.0.0.0/8, proxy".parse::<TrustedProxies>(), Err(NoAddress("proxy".to_owned())));
    }
}
