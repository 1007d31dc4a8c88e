//! Which addresses webhooks may be sent to. Pure.
//!
//! A customer chooses the address, and the request is made from inside the operator's network: so whatever is not a
//! public address is refused (loopback, private, link-local with the clouds' metadata services, shared, documentation,
//! benchmarking, multicast, reserved, and IPv6 addresses that stand for such IPv4 ones), unless it lies in a network
//! that the operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network such as `10.1.0.0/16`, `fd00::/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u32,
    is_v4: bool,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be networks such as 10.1.0.0/16 or fd00::/8, parted by commas".to_owned();
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > width {
            return Err(wrong());
        }
        Ok(Self { address: number(address), bits: bits + (128 - width), is_v4: address.is_ipv4() })
    }
}

impl Network {
    /// Whether an address lies in the network.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let differing = self.address ^ number(address);
        address.is_ipv4() == self.is_v4 && differing.checked_shr(128 - self.bits).unwrap_or_default() == 0
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// How a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Unencrypted: only into networks that the operator allows.
    Http,
    /// By TLS.
    Https,
}

/// Whether a webhook may be sent to an address.
pub(crate) fn may_reach(address: IpAddr, scheme: Scheme, allowed: &[Network]) -> bool {
    // An IPv4 address written as an IPv6 one is that address.
    let address = address.to_canonical();
    let is_allowed = allowed.iter().any(|network| network.contains(address));
    is_allowed || (scheme == Scheme::Https && is_public(address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translated to IPv4 on the way: by NAT64, by 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and others for protocols, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // What is global unicast; all else is local, multicast, embeds IPv4, or is not given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        for (address, public) in [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("2606:2800:220:1::1", true),
            ("127.0.0.1", false),
            ("127.8.9.1", false),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("100.128.0.1", true),
            ("192.0.0.192", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("198.20.0.1", true),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.216.34", true),
            ("::127.0.0.1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("ff02::1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::5db8:d822", true),
            ("64:ff9b:1::a00:1", false),
            ("2002:a00:1::", false),
            ("2001:0:1::1", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
        ] {
            assert_eq!(may_reach(address.parse().unwrap(), Scheme::Https, &[]), public, "{address}");
            assert!(!may_reach(address.parse().unwrap(), Scheme::Http, &[]), "{address}");
        }
    }

    #[test]
    fn the_operator_allows_networks() {
        for (network, address, allowed) in [
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.1.0.0/16", "10.2.0.1", false),
            ("0.0.0.0/0", "10.2.0.1", true),
            ("0.0.0.0/0", "fd00::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "::1", true),
            ("::/0", "10.0.0.1", false),
        ] {
            let networks = [network.parse().unwrap()];
            assert_eq!(may_reach(address.parse().unwrap(), Scheme::Http, &networks), allowed, "{network} {address}");
        }
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "ten", "10.0.0.0/x", "10.0.0/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong:?}");
        }
    }
}
