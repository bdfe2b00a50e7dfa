use super::*;
use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

/// The result for these header fields with trusted networks 10.0.0.0/8 and fd00::/8: an address,
/// `absent`, `unknown`, or `unknown by` an address.
fn read(fields: &[&str]) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    let Ok(Head::Complete { request, .. }) =
        parse_head(head.as_bytes(), &mut headers, HeadLimits::default())
    else {
        panic!("no request: {head}");
    };
    let is_trusted = |addr: IpAddr| {
        let text = addr.to_string();
        text.starts_with("10.") || text.starts_with("fd")
    };
    match forwarded_for(&request, is_trusted) {
        Forwarded::Absent => "absent".to_owned(),
        Forwarded::Client(addr) => addr.to_string(),
        Forwarded::Unknown { by: None } => "unknown".to_owned(),
        Forwarded::Unknown { by: Some(addr) } => format!("unknown by {addr}"),
    }
}

fn x_forwarded_for(value: &str) -> String {
    read(&[&format!("X-Forwarded-For: {value}")])
}

fn forwarded(value: &str) -> String {
    read(&[&format!("Forwarded: {value}")])
}

#[test]
fn the_last_address_that_is_no_proxys_is_the_clients() {
    assert_eq!(read(&[]), "absent");
    for (value, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2, 10.0.0.1", "192.0.2.1"),
        ("203.0.113.5, 192.0.2.1,10.0.0.1", "192.0.2.1"),
        ("203.0.113.5, 192.0.2.1", "192.0.2.1"),
        ("unknown, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("10.0.0.9, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
    ] {
        assert_eq!(x_forwarded_for(value), client, "{value}");
    }
    let fields = ["192.0.2.1", "10.0.0.2", "10.0.0.1"];
    let x_fields = fields.map(|addr| format!("x-forwarded-for: {addr}"));
    assert_eq!(read(&x_fields.each_ref().map(String::as_str)), "192.0.2.1");
    let fields = fields.map(|addr| format!("forwarded: for={addr}"));
    assert_eq!(read(&fields.each_ref().map(String::as_str)), "192.0.2.1");
}

#[test]
fn of_trusted_proxies_alone_the_first_is_the_client() {
    assert_eq!(x_forwarded_for("10.0.0.3, 10.0.0.2"), "10.0.0.3");
    assert_eq!(forwarded("for=10.0.0.3, for=10.0.0.2"), "10.0.0.3");
}

#[test]
fn every_form_of_an_address_that_proxies_write_is_read() {
    for (element, addr) in [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("\"192.0.2.1\"", "192.0.2.1"),
        ("\"192.0.2.1:4711\"", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("\"[2001:db8::1]\"", "2001:db8::1"),
        ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("\"2001:db8::1\"", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("\"[fe80::1%eth0.2]\"", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("192.0.2.1:_http", "192.0.2.1"),
        ("\t192.0.2.1\t", "192.0.2.1"),
    ] {
        assert_eq!(x_forwarded_for(element), addr, "X-Forwarded-For: {element}");
        let quoted = format!("for=\"{}\"", element.trim().trim_matches('"'));
        assert_eq!(forwarded(&quoted), addr, "Forwarded: {quoted}");
    }
}

#[test]
fn empty_elements_do_not_count() {
    for value in ["192.0.2.1,", "192.0.2.1, ,", ",192.0.2.1", ",, 192.0.2.1,,"] {
        assert_eq!(x_forwarded_for(value), "192.0.2.1", "{value}");
        let value = value.replace("192", "for=192");
        assert_eq!(forwarded(&value), "192.0.2.1", "{value}");
    }
}

#[test]
fn what_names_no_address_is_the_proxys_that_wrote_it() {
    for value in ["", ",", " , ,"] {
        assert_eq!(x_forwarded_for(value), "unknown", "{value:?}");
        assert_eq!(forwarded(value), "unknown", "{value:?}");
    }
    for element in [
        "unknown",
        "_hidden",
        "unix:",
        "-",
        "localhost",
        "192.0.2",
        "192.0.2.1.5",
        "192.000.2.1",
        "192.0.2.1:",
        "192.0.2.1:http",
        "192.0.2.1:65536",
        "[192.0.2.1]",
        "[2001:db8::1",
        "[2001:db8::1]4711",
        "2001:db8::1::",
        "192.0.2.1 192.0.2.2",
        "\u{e4}",
    ] {
        assert_eq!(x_forwarded_for(element), "unknown", "{element}");
        let before = format!("203.0.113.5, {element}");
        assert_eq!(x_forwarded_for(&before), "unknown", "{before}");
        let between = format!("203.0.113.5, {element}, 10.0.0.2, 10.0.0.1");
        assert_eq!(
            x_forwarded_for(&between),
            "unknown by 10.0.0.2",
            "{between}"
        );
        let behind = format!("{element}, 192.0.2.1");
        assert_eq!(x_forwarded_for(&behind), "192.0.2.1", "{behind}");
        let quoted = format!("for=203.0.113.5, for=\"{element}\"");
        assert_eq!(forwarded(&quoted), "unknown", "{quoted}");
    }
    assert_eq!(x_forwarded_for("\"192.0.2.1"), "unknown");
}

#[test]
fn forwarded_is_read_by_its_grammar() {
    for (value, found) in [
        // The examples of RFC 7239 sections 4 and 7.1.
        ("for=\"_gazonk\"", "unknown"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("for=192.0.2.43, for=10.0.0.17", "192.0.2.43"),
        ("for=192.0.2.43,for=\"[fd00::17]\",for=unknown", "unknown"),
        ("for=_hidden, for=_SEVKISEK", "unknown"),
        // Order, spaces and case do not matter.
        (
            "proto=https;host=\"a, for=203.0.113.5\";FOR=192.0.2.1",
            "192.0.2.1",
        ),
        ("for=192.0.2.1 ; proto=http , for=10.0.0.1", "192.0.2.1"),
        ("for=192.0.2.1;host=\"a\\\", for=203.0.113.5\"", "192.0.2.1"),
        // Forbidden without quotes, and common.
        ("for=192.0.2.1:4711", "192.0.2.1"),
        ("for=[2001:db8::1]:4711", "2001:db8::1"),
        // An element without `for` says nothing.
        ("for=192.0.2.1, proto=https", "unknown"),
        ("proto=https, for=10.0.0.1", "unknown by 10.0.0.1"),
    ] {
        assert_eq!(forwarded(value), found, "{value}");
    }
}

#[test]
fn what_a_client_has_broken_hides_nothing_behind_it() {
    for value in [
        "for=203.0.113.5;x=\", for=192.0.2.1",
        "for=203.0.113.5;x=\", for=192.0.2.1;host=\"a\"",
        "for=203.0.113.5;x=\", for=192.0.2.1;host=\";a=b\"",
        "for=203.0.113.5;for=203.0.113.6",
        "for=203.0.113.5 for=203.0.113.6",
        "for=",
        "for",
        "=203.0.113.5",
        "for =203.0.113.5",
        ";for=203.0.113.5",
        "for=203.0.113.5;",
    ] {
        assert_eq!(forwarded(value), "unknown", "{value}");
        let fields = [
            format!("Forwarded: {value}"),
            "Forwarded: for=192.0.2.1".to_owned(),
        ];
        assert_eq!(
            read(&fields.each_ref().map(String::as_str)),
            "192.0.2.1",
            "{value}"
        );
    }
}

#[test]
fn x_forwarded_for_goes_before_forwarded() {
    let fields = ["Forwarded: for=203.0.113.5", "X-Forwarded-For: 192.0.2.1"];
    assert_eq!(read(&fields), "192.0.2.1");
    let fields = ["Forwarded: for=203.0.113.5", "X-Forwarded-For: unknown"];
    assert_eq!(read(&fields), "unknown");
}
