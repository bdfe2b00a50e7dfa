//! `X-Forwarded-For` and `Forwarded` (RFC 7239): the client that a proxy names.

use core::net::IpAddr;
use core::str;

use crate::proto::http::values;
use crate::proto::http::{Request, is_tchar};

/// What trusted proxies say about the client of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// Nothing: the request is the proxy's own.
    #[default]
    Absent,
    /// The client has this address.
    Client(IpAddr),
    /// No address: `unknown`, an identifier, or an unknown format.
    Unknown {
        /// The proxy that wrote this, if other proxies name its address; otherwise it is the one
        /// that sent the request.
        by: Option<IpAddr>,
    },
}

/// Reads the client of a request from `X-Forwarded-For`, or from `Forwarded` if the former is
/// missing.
///
/// Each proxy appends the address of its own client, so the list is read from its end as long as
/// the addresses are those of trusted proxies. The first other address is the client's; the client
/// itself may have written what is before it.
pub fn forwarded_for(request: &Request<'_>, is_trusted: impl Fn(IpAddr) -> bool) -> Forwarded {
    let mut chain = Chain {
        found: Forwarded::Absent,
        has_elements: false,
        is_trusted,
    };
    for field in values(request.headers, "x-forwarded-for") {
        chain.begin_field();
        let elements = field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        // RFC 9110 5.6.1.2: empty elements do not count.
        for element in elements.filter(|element| !element.is_empty()) {
            chain.push(address(unquoted(element)));
        }
    }
    if chain.found == Forwarded::Absent {
        for field in values(request.headers, "forwarded") {
            chain.begin_field();
            read_forwarded(field, &mut chain);
        }
    }
    chain.found
}

/// The elements of all fields so far, from the client to the last proxy.
struct Chain<F> {
    found: Forwarded,
    has_elements: bool,
    is_trusted: F,
}

impl<F: Fn(IpAddr) -> bool> Chain<F> {
    /// A field without an element counts as `unknown`.
    fn begin_field(&mut self) {
        if self.found == Forwarded::Absent {
            self.found = Forwarded::Unknown { by: None };
        }
    }

    /// Adds the next element; `None` is not an address.
    fn push(&mut self, addr: Option<IpAddr>) {
        let is_first = !std::mem::replace(&mut self.has_elements, true);
        self.found = match (addr, self.found) {
            (None, _) => Forwarded::Unknown { by: None },
            (Some(addr), _) if is_first || !(self.is_trusted)(addr) => Forwarded::Client(addr),
            (by, Forwarded::Unknown { by: None }) => Forwarded::Unknown { by },
            (Some(_), found) => found,
        };
    }
}

/// RFC 7239 section 4: elements of `name=value` pairs, of which `for` is used. What follows a
/// malformed element cannot be separated from it.
fn read_forwarded<F: Fn(IpAddr) -> bool>(mut field: &[u8], chain: &mut Chain<F>) {
    loop {
        field = field.trim_ascii_start();
        match field.first() {
            None => return,
            Some(b',') => field = &field[1..],
            Some(_) => match read_element(field) {
                Some((node, rest)) => {
                    chain.push(node);
                    field = rest;
                }
                None => return chain.push(None),
            },
        }
    }
}

/// The address of an element, and what follows it; `None` if the element is malformed.
fn read_element(mut input: &[u8]) -> Option<(Option<IpAddr>, &[u8])> {
    let mut node = None;
    loop {
        let end = input.iter().position(|byte| !is_tchar(*byte))?;
        let (name, rest) = input.split_at(end);
        let rest = rest.strip_prefix(b"=").filter(|_| !name.is_empty())?;
        let (value, rest) = read_value(rest)?;
        if name.eq_ignore_ascii_case(b"for") {
            // Section 4: a parameter must not occur more than once.
            let is_first = node.is_none();
            node = is_first.then(|| address(value));
            node.as_ref()?;
        }
        input = rest.trim_ascii_start();
        match input.split_first() {
            Some((b';', rest)) => input = rest.trim_ascii_start(),
            Some((b',', _)) | None => return Some((node.flatten(), input)),
            Some(_) => return None,
        }
    }
}

/// A token or a quoted string (RFC 9110 5.6.4) without its quotes. Escapes are kept: no address has
/// any. Colons and brackets outside quotes are forbidden but common, and accepted.
fn read_value(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = input.strip_prefix(b"\"") else {
        let is_value = |byte: u8| is_tchar(byte) || b":[]".contains(&byte);
        let end = input.iter().position(|byte| !is_value(*byte));
        let (value, rest) = input.split_at(end.unwrap_or(input.len()));
        return (!value.is_empty()).then_some((value, rest));
    };
    let mut is_escaped = false;
    let end = quoted.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    })?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

fn unquoted(element: &[u8]) -> &[u8] {
    let inside = element.strip_prefix(b"\"");
    let inside = inside.and_then(|inside| inside.strip_suffix(b"\""));
    inside.unwrap_or(element).trim_ascii()
}

/// The address of a node (RFC 7239 section 6), with or without brackets, a zone (RFC 4007 11) and
/// a port.
fn address(node: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(node).ok()?;
    let addr = if let Some(inside) = text.strip_prefix('[') {
        let (addr, port) = inside.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(without_zone(addr).parse().ok().filter(|_| is_port)?)
    } else {
        match text.split_once(':') {
            Some((addr, port)) if !port.contains(':') => {
                IpAddr::V4(addr.parse().ok().filter(|_| is_port(port))?)
            }
            Some(_) => IpAddr::V6(without_zone(text).parse().ok()?),
            None => IpAddr::V4(text.parse().ok()?),
        }
    };
    Some(addr.to_canonical())
}

/// A number, or an identifier instead.
fn is_port(port: &str) -> bool {
    let is_identifier = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.bytes().all(is_part)
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_number || port.strip_prefix('_').is_some_and(is_identifier)
}

/// A zone has a meaning only on the proxy's host.
fn without_zone(addr: &str) -> &str {
    addr.split_once('%').map_or(addr, |(addr, _)| addr)
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
