//! Where a request comes from when proxies are in between. Pure.
//!
//! A proxy adds the address it was asked from to the end of `X-Forwarded-For`, or to `Forwarded` (RFC 7239). Anybody
//! may send these headers, so they are read from the end, and only as far as each address is that of a proxy the
//! operator trusts (`trusted_proxies`): the first that is none is the client. What is hidden or no address ends the
//! walk at the proxy before. A proxy that keeps one of the headers passes the other one on as the client wrote it; when
//! both are there and differ in the client, neither is believed and the proxy's own address counts.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

use crate::webhooks::network::Network;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Addresses that are looked at; there are never so many proxies in a row.
const HOPS_MAX: usize = 32;

/// The client behind a connection from `peer`.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let listed = |name: &str| -> Vec<&str> {
        headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap_or("-").split(',')).collect()
    };
    let (by_name, standard) = (listed(X_FORWARDED_FOR), listed(FORWARDED.as_str()));
    let by_name = (!by_name.is_empty()).then(|| walked(peer, by_name.iter().rev().map(|text| address(text)), trusted));
    let standard = (!standard.is_empty())
        .then(|| walked(peer, standard.iter().rev().map(|element| address(for_of(element)?)), trusted));
    match (by_name, standard) {
        (Some(one), Some(other)) if one != other => peer,
        (found, other) => found.or(other).unwrap_or(peer),
    }
}

/// The first address from the end that is no trusted proxy's, else the last one that could be read.
fn walked(peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, trusted: &[Network]) -> IpAddr {
    let mut client = peer;
    for hop in hops.take(HOPS_MAX) {
        let Some(hop) = hop else { break };
        client = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    client
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// What an element of `Forwarded` says behind `for=`.
fn for_of(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port; one of IPv6 may stand in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn found(peer: &str, sent: &[(&'static str, &'static str)]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_client_is_who_the_last_trusted_proxy_was_asked_by() {
        let (x, forwarded) = ("x-forwarded-for", "forwarded");
        for (peer, sent, client) in [
            // Not from a trusted proxy: whatever it says.
            ("192.0.2.1", &[(x, "198.51.100.7")][..], "192.0.2.1"),
            ("192.0.2.1", &[(forwarded, "for=198.51.100.7")], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(x, "198.51.100.7")], "198.51.100.7"),
            // What the client wrote itself stands before what the proxy saw.
            ("10.0.0.1", &[(x, "203.0.113.9, 198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", &[(x, "203.0.113.9"), (x, "198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", &[(x, "10.9.9.9, 198.51.100.7 , 10.0.0.2")], "198.51.100.7"),
            ("10.0.0.1", &[(x, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1", &[(x, "198.51.100.7:4711")], "198.51.100.7"),
            ("fd00::1", &[(x, "[2001:db8::7]:4711")], "2001:db8::7"),
            ("fd00::1", &[(x, "::ffff:198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", &[(forwarded, "for=203.0.113.9, for=198.51.100.7;proto=https;by=10.0.0.1")], "198.51.100.7"),
            ("10.0.0.1", &[(forwarded, "proto=https; For=\"[2001:db8::7]:4711\"")], "2001:db8::7"),
            // Hidden, or no address: the proxy before it.
            ("10.0.0.1", &[(forwarded, "for=198.51.100.7, for=unknown")], "10.0.0.1"),
            ("10.0.0.1", &[(forwarded, "for=198.51.100.7, for=_hidden, for=10.0.0.2")], "10.0.0.2"),
            ("10.0.0.1", &[(forwarded, "for=198.51.100.7, proto=https")], "10.0.0.1"),
            ("10.0.0.1", &[(x, "198.51.100.7, nonsense")], "10.0.0.1"),
            ("10.0.0.1", &[(x, "")], "10.0.0.1"),
            // Two headers of which one was passed on as the client wrote it.
            ("10.0.0.1", &[(x, "198.51.100.7"), (forwarded, "for=203.0.113.9")], "10.0.0.1"),
            ("10.0.0.1", &[(x, "198.51.100.7"), (forwarded, "for=198.51.100.7")], "198.51.100.7"),
        ] {
            assert_eq!(found(peer, sent), client, "{peer} {sent:?}");
        }
    }

    #[test]
    fn what_is_no_text_and_what_never_ends_is_no_address() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let peer = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(b"198.51.100.7, \xff").unwrap());
        assert_eq!(client(peer, &headers, &trusted), peer);
        let long = format!("198.51.100.7{}", ", 10.0.0.9".repeat(5_000));
        headers.insert(X_FORWARDED_FOR, HeaderValue::try_from(long).unwrap());
        assert_eq!(client(peer, &headers, &trusted).to_string(), "10.0.0.9");
    }
}
