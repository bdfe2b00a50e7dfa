//! Requests that two could read in two ways: refused, and nothing after them is read.

use corecast::counters::status_index;

use crate::http::server::Server;
use crate::http::statuses;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let post = |fields: &str, body: &str| {
        format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
    };
    let chunked = |body: &str| post("Transfer-Encoding: chunked", body);
    let cases = [
        (
            "length and chunks",
            400,
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "0\r\n\r\n",
            ),
        ),
        (
            "chunks and length",
            400,
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                "0\r\n\r\n",
            ),
        ),
        (
            "two lengths",
            400,
            post("Content-Length: 5\r\nContent-Length: 6", "hello!"),
        ),
        (
            "the same length twice",
            400,
            post("Content-Length: 5\r\nContent-Length: 5", "hello"),
        ),
        (
            "a list of lengths",
            400,
            post("Content-Length: 5, 5", "hello"),
        ),
        (
            "a length with a sign",
            400,
            post("Content-Length: +5", "hello"),
        ),
        (
            "a negative length",
            400,
            post("Content-Length: -5", "hello"),
        ),
        (
            "a hexadecimal length",
            400,
            post("Content-Length: 0x5", "hello"),
        ),
        ("no length at all", 400, post("Content-Length:", "hello")),
        (
            "chunked is not last",
            400,
            post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ),
        (
            "another coding before",
            501,
            post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        ),
        (
            "chunked twice",
            501,
            post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        ),
        (
            "two codings",
            400,
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                "0\r\n\r\n",
            ),
        ),
        (
            "another word",
            400,
            post("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ),
        (
            "a tab in it",
            400,
            post("Transfer-Encoding: \u{b}chunked", "0\r\n\r\n"),
        ),
        (
            "chunks in 1.0",
            400,
            chunked("0\r\n\r\n").replace("1.1", "1.0"),
        ),
        (
            "space before the colon",
            400,
            post("Content-Length : 5", "hello"),
        ),
        (
            "tab before the colon",
            400,
            post("Transfer-Encoding\t: chunked", "0\r\n\r\n"),
        ),
        (
            "a folded field",
            400,
            post("X: y\r\n Content-Length: 5", "hello"),
        ),
        (
            "a folded value",
            400,
            post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"),
        ),
        (
            "a bare line feed",
            400,
            post("X: y\nContent-Length: 5", "hello"),
        ),
        (
            "a bare carriage return",
            400,
            post("X: y\rContent-Length: 5", "hello"),
        ),
        (
            "a head that ends in line feeds",
            400,
            "GET /healthz HTTP/1.1\r\nHost: a\n\n".to_owned(),
        ),
        ("NUL in a field", 400, post("X: \0", "")),
        ("two hosts", 400, post("Host: b", "")),
        (
            "a size that overflows",
            413,
            chunked("10000000000000005\r\nhello\r\n"),
        ),
        (
            "a size with a sign",
            400,
            chunked("+5\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "a size with a prefix",
            400,
            chunked("0x5\r\nhello\r\n0\r\n\r\n"),
        ),
        ("no size", 400, chunked(";x\r\nhello\r\n0\r\n\r\n")),
        (
            "space after a size",
            400,
            chunked("5 \r\nhello\r\n0\r\n\r\n"),
        ),
        ("line feeds around chunks", 400, chunked("5\nhello\n0\n\n")),
        (
            "a line feed in an extension",
            400,
            chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "a chunk longer than said",
            400,
            chunked("5\r\nhello!\r\n0\r\n\r\n"),
        ),
        (
            "a long extension",
            400,
            chunked(&format!("5;{}\r\n", "x".repeat(300))),
        ),
        ("a folded trailer", 400, chunked("0\r\nX: y\r\n z\r\n\r\n")),
        (
            "a trailer without a colon",
            400,
            chunked("0\r\nGET / HTTP/1.1\r\n\r\n"),
        ),
    ];
    let next = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, status, request) in cases {
        let mut server = Server::new();
        let client = server.connect();
        server.send(client, request + next);
        let answers = server.take(client);
        assert_eq!(statuses(&answers), [status], "{name}: {answers}");
        assert!(
            answers.contains("\r\nConnection: close\r\n"),
            "{name}: {answers}"
        );
        assert!(server.ended(client).is_some(), "{name}");
        server.send(client, next);
        assert_eq!(server.take(client), "", "{name}");
        let counters = server.counters();
        assert_eq!(
            (counters.requests, counters.refused[status_index(status)]),
            (1, 1)
        );
    }
}
