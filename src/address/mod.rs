//! Addresses of clients: networks of trusted proxies, and the part of an address that stands for
//! one client.

pub mod admission;

use core::net::{IpAddr, Ipv6Addr};
use core::str::FromStr;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::error::debug_is_text;

/// Addresses with a common prefix, as in `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    addr: u128,
    mask: u128,
}

/// A set of networks, empty by default. Cloning it is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Arc<[Network]>);

/// The text is not a network.
#[derive(Clone, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not an address or a network: write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"
)]
pub struct NetworkError(String);

debug_is_text!(NetworkError);

impl Network {
    /// Whether the address belongs to the network. An IPv4 address may be written as a mapped IPv6
    /// address.
    pub fn contains(self, addr: IpAddr) -> bool {
        wide(addr) & self.mask == self.addr
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        parse(text).ok_or_else(|| NetworkError(text.to_owned()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.mask.leading_ones();
        let addr = Ipv6Addr::from_bits(self.addr);
        let (addr, len, all) = match addr.to_ipv4_mapped() {
            Some(addr) if 96 <= len => (IpAddr::V4(addr), len - 96, 32),
            _ => (IpAddr::V6(addr), len, 128),
        };
        if len == all {
            write!(f, "{addr}")
        } else {
            write!(f, "{addr}/{len}")
        }
    }
}

impl Networks {
    /// All networks.
    pub fn iter(&self) -> impl Iterator<Item = Network> {
        self.0.iter().copied()
    }

    /// Whether the address belongs to any of the networks.
    pub fn contain(&self, addr: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(addr))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// The part of an address that stands for one client: the whole IPv4 address, or the first 64 bits
/// of an IPv6 address, because a client usually has all addresses of such a network.
pub fn client_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(addr) => IpAddr::V4(addr),
        IpAddr::V6(addr) => IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits() & !0 << 64)),
    }
}

fn parse(text: &str) -> Option<Network> {
    let (addr, len) = match text.split_once('/') {
        Some((addr, len)) => (addr, Some(len)),
        None => (text, None),
    };
    let addr: IpAddr = addr.parse().ok()?;
    let (own, before) = match addr {
        IpAddr::V4(_) => (32, 96),
        IpAddr::V6(_) => (128, 0),
    };
    let is_plain = |len: &&str| len.bytes().all(|byte| byte.is_ascii_digit());
    let len = match len {
        Some(len) => Some(len).filter(is_plain)?.parse().ok()?,
        None => own,
    };
    let host_bits = 128 - before - Some(len).filter(|len: &u32| *len <= own)?;
    let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
    let addr = wide(addr);
    (addr & mask == addr).then_some(Network { addr, mask })
}

/// The bits of the address; an IPv4 address as the mapped IPv6 address.
fn wide(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, addr: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.contains(addr.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_with_its_prefix() {
        assert!(contains("192.0.2.0/24", "192.0.2.0"));
        assert!(contains("192.0.2.0/24", "192.0.2.255"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0"));
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("192.0.2.1", "192.0.2.1"));
        assert!(!contains("192.0.2.1", "192.0.2.2"));
        assert!(contains("::1", "::1"));
    }

    #[test]
    fn a_mapped_address_is_the_one_it_maps() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(contains("::ffff:192.0.2.0/120", "192.0.2.7"));
    }

    #[test]
    fn all_of_one_family_is_not_all_of_the_other() {
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("::/0", "2001:db8::1"));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in [
            "",
            "localhost",
            "192.0.2.0/",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "192.0.2.1/24",
            "192.0.2.0/24/8",
            "192.0.2.0:80",
        ] {
            let error = bad.parse::<Network>().unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("`{bad}` ")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_network_is_written_as_it_is_read() {
        for text in [
            "192.0.2.1",
            "192.0.2.0/24",
            "0.0.0.0/0",
            "::1",
            "2001:db8::/32",
            "::/0",
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        let mapped: Network = "::ffff:192.0.2.0/120".parse().unwrap();
        assert_eq!(mapped.to_string(), "192.0.2.0/24");
    }

    #[test]
    fn several_networks_contain_what_one_does() {
        let networks: Networks = ["10.0.0.0/8", "::1"]
            .map(|one| one.parse().unwrap())
            .into_iter()
            .collect();
        assert!(networks.contain("10.1.2.3".parse().unwrap()));
        assert!(networks.contain("::1".parse().unwrap()));
        assert!(!networks.contain("11.0.0.0".parse().unwrap()));
        assert!(!Networks::default().contain("::1".parse().unwrap()));
        assert!(Networks::default().is_empty());
    }

    #[test]
    fn a_client_has_all_addresses_of_its_last_64_bits() {
        let client = |addr: &str| client_of(addr.parse().unwrap()).to_string();
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(client("192.0.2.1"), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
