//! `X-Forwarded-For`: whom a proxy speaks for.

use core::net::{IpAddr, SocketAddr};
use core::str;

use crate::proto::http::Request;
use crate::proto::http::fields::values;

/// The address that a request comes from, by what trusted proxies have added to it, and `None` if
/// they have added nothing.
///
/// Each proxy appends whom it was asked by, so the list is read from its end for as long as the
/// addresses are those of trusted proxies: the first that is not is the client's, and whatever
/// stands before that the client itself may have written. What is no address ends the list.
pub fn forwarded_for(request: &Request<'_>, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let fields: Vec<&[u8]> = values(request.headers, "x-forwarded-for").collect();
    let mut found = None;
    for element in fields
        .into_iter()
        .rev()
        .flat_map(|value| value.rsplit(|byte| *byte == b','))
    {
        let Some(addr) = address(element) else {
            return found;
        };
        found = Some(addr);
        if !is_trusted(addr) {
            return found;
        }
    }
    found
}

/// An address as proxies write it: alone, or with a port.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element.trim_ascii()).ok()?;
    let with_port = || text.parse::<SocketAddr>().ok().map(|addr| addr.ip());
    text.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http::{Head, NO_HEADERS, parse_head};

    fn client(fields: &[&str]) -> Option<String> {
        let fields: String = fields
            .iter()
            .map(|field| format!("X-Forwarded-For: {field}\r\n"))
            .collect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut headers = NO_HEADERS;
        let Ok(Head::Complete { request, .. }) = parse_head(head.as_bytes(), &mut headers) else {
            panic!("no request: {head}");
        };
        let is_trusted = |addr: IpAddr| addr.to_string().starts_with("10.");
        forwarded_for(&request, is_trusted).map(|addr| addr.to_string())
    }

    fn is(addr: &str) -> Option<String> {
        Some(addr.to_owned())
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_clients() {
        assert_eq!(client(&[]), None);
        assert_eq!(client(&["192.0.2.1"]), is("192.0.2.1"));
        assert_eq!(client(&["192.0.2.1, 10.0.0.2, 10.0.0.1"]), is("192.0.2.1"));
        assert_eq!(
            client(&["203.0.113.5, 192.0.2.1,10.0.0.1"]),
            is("192.0.2.1")
        );
        assert_eq!(
            client(&["192.0.2.1", "10.0.0.2", "10.0.0.1"]),
            is("192.0.2.1")
        );
    }

    #[test]
    fn proxies_alone_are_the_first_of_them() {
        assert_eq!(client(&["10.0.0.3, 10.0.0.2"]), is("10.0.0.3"));
    }

    #[test]
    fn what_is_no_address_ends_the_list() {
        assert_eq!(client(&["192.0.2.1, unknown, 10.0.0.1"]), is("10.0.0.1"));
        assert_eq!(client(&["192.0.2.1, unknown"]), None);
        assert_eq!(client(&["192.0.2.1,"]), None);
        assert_eq!(client(&[""]), None);
        assert_eq!(client(&["\u{e4}"]), None);
    }

    #[test]
    fn an_address_may_have_a_port() {
        assert_eq!(client(&["192.0.2.1:4711"]), is("192.0.2.1"));
        assert_eq!(client(&["[2001:db8::1]:4711"]), is("2001:db8::1"));
        assert_eq!(client(&["2001:db8::1"]), is("2001:db8::1"));
    }
}
