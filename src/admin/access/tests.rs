use super::*;
use crate::proto::http::{Head, HeadLimits, NO_HEADERS, parse_head};

const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);
const TOKEN: &str = "Authorization: Bearer s3cret\r\n";

fn ask(access: &Access, fields: &str, changes: bool, millis: u64) -> Result<(), Refusal> {
    let input = format!("POST /admin/drain HTTP/1.1\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    let head = parse_head(input.as_bytes(), &mut headers, HeadLimits::default());
    let Ok(Head::Complete { request, .. }) = head else {
        panic!("{input}");
    };
    access.check(&request, changes, HERE, Now::from_millis(millis))
}

#[test]
fn without_a_token_only_hosts_that_no_page_can_take_are_served() {
    let access = Access::new(None, true);
    for host in [
        "127.0.0.1:9090",
        "localhost",
        "[::1]:9090",
        "a.localhost:1",
        "10.0.0.7",
    ] {
        let asked = ask(&access, &format!("Host: {host}\r\n"), false, 0);
        assert_eq!(asked, Ok(()), "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example:9090",
        "127.0.0.1.evil.example",
    ] {
        let asked = ask(&access, &format!("Host: {host}\r\n"), false, 0);
        assert_eq!(asked, Err(Refusal::Host), "{host}");
    }
}

#[test]
fn with_a_token_every_request_has_to_show_it() {
    let access = Access::new(Some("s3cret".to_owned()), true);
    let host = "Host: any.example\r\n";
    let with = |field: &str| ask(&access, &format!("{host}{field}"), false, 0);
    assert_eq!(with(TOKEN), Ok(()));
    assert_eq!(with("Authorization: bearer  s3cret\r\n"), Ok(()));
    for wrong in [
        "",
        "Authorization: Basic s3cret\r\n",
        "Authorization: Bearer\r\n",
    ] {
        assert_eq!(with(wrong), Err(Refusal::Token), "{wrong}");
    }
    for wrong in ["s3cre", "s3cretx", "S3cret"] {
        let field = format!("Authorization: Bearer {wrong}\r\n");
        assert_eq!(with(&field), Err(Refusal::Token), "{wrong}");
    }
    assert_eq!(with(&format!("{TOKEN}{TOKEN}")), Err(Refusal::Token));
}

#[test]
fn an_address_that_guesses_has_to_wait_even_with_the_right_one() {
    let access = Access::new(Some("s3cret".to_owned()), true);
    let guess = "Host: a\r\nAuthorization: Bearer guess\r\n";
    let right = format!("Host: a\r\n{TOKEN}");
    for _ in 0..ADMIN_ATTEMPTS_AT_ONCE.get() {
        assert_eq!(ask(&access, guess, false, 0), Err(Refusal::Token));
    }
    let waits = |asked| matches!(asked, Err(Refusal::Later(_)));
    assert!(waits(ask(&access, guess, false, 0)));
    assert!(waits(ask(&access, &right, false, 0)));
    assert_eq!(ask(&access, &right, false, 60_000), Ok(()));
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    for access in [
        Access::new(None, true),
        Access::new(Some("s3cret".to_owned()), true),
    ] {
        let ask = |fields: &str| {
            let fields = format!("Host: 127.0.0.1:9090\r\n{TOKEN}{fields}");
            ask(&access, &fields, true, 0)
        };
        let json = "Content-Type: application/json; charset=utf-8\r\n";
        assert_eq!(ask(json), Ok(()));
        let own = "Origin: http://127.0.0.1:9090\r\n";
        assert_eq!(ask(&format!("{json}{own}")), Ok(()));
        for other in ["http://evil.example", "http://127.0.0.1:9091", "null"] {
            let asked = ask(&format!("{json}Origin: {other}\r\n"));
            assert_eq!(asked, Err(Refusal::Origin), "{other}");
        }
        for form in [
            "",
            "Content-Type: text/plain\r\n",
            "Content-Type: application/jsonp\r\n",
        ] {
            assert_eq!(ask(form), Err(Refusal::NoJson), "{form}");
        }
    }
}

#[test]
fn a_page_of_another_site_does_not_even_ask() {
    let access = Access::new(None, true);
    for (site, expected) in [
        ("none", Ok(())),
        ("same-origin", Ok(())),
        ("same-site", Err(Refusal::Origin)),
        ("cross-site", Err(Refusal::Origin)),
    ] {
        let fields = format!("Host: localhost\r\nSec-Fetch-Site: {site}\r\n");
        assert_eq!(ask(&access, &fields, false, 0), expected, "{site}");
    }
}

#[test]
fn metrics_want_the_token_if_they_are_not_open() {
    for (open, expected) in [(true, Ok(())), (false, Err(Refusal::Token))] {
        let access = Access::new(Some("s3cret".to_owned()), open);
        let mut headers = NO_HEADERS;
        let input = b"GET /metrics HTTP/1.0\r\n\r\n";
        let head = parse_head(input, &mut headers, HeadLimits::default());
        let Ok(Head::Complete { request, .. }) = head else {
            panic!("no head");
        };
        let asked = access.check_metrics(&request, HERE, Now::default());
        assert_eq!(asked, expected);
    }
}

#[test]
fn addresses_of_one_host_are_one() {
    let of = |addr: &str| network(addr.parse().unwrap());
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
}
