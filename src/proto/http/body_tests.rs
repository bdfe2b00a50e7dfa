use super::{Body, BodyLength, Piece};
use crate::limits::{CHUNK_LINE_BYTES_MAX, CHUNK_OVERHEAD_BYTES_MAX};
use crate::proto::http::{Head, HeadLimits, HttpError, NO_HEADERS, parse_head};

/// The longest body of these tests.
const MAX: usize = 100;

/// The body and the bytes after it, or `None` if it is incomplete.
type Outcome = Result<Option<(Vec<u8>, Vec<u8>)>, HttpError>;

fn decode<'b>(framing: BodyLength, pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
    let mut body = Body::new(framing, MAX)?;
    let mut whole = Vec::new();
    let mut after = Vec::new();
    let mut is_whole = false;
    for mut input in pieces {
        while !is_whole && !input.is_empty() {
            let Piece {
                data,
                taken,
                is_last,
            } = body.decode(input)?;
            whole.extend_from_slice(data);
            input = &input[taken..];
            is_whole = is_last;
        }
        after.extend_from_slice(input);
    }
    Ok(is_whole.then_some((whole, after)))
}

/// The same result cut in two anywhere, and byte by byte; every true prefix asks for more.
fn check(framing: BodyLength, input: &[u8], expected: &Outcome) {
    let shown = String::from_utf8_lossy(input);
    assert_eq!(decode(framing, [input]), *expected, "{shown}");
    assert_eq!(decode(framing, input.chunks(1)), *expected, "{shown}");
    for cut in 0..=input.len() {
        let (front, back) = input.split_at(cut);
        let cut = decode(framing, [front, back]);
        assert_eq!(cut, *expected, "{shown}");
    }
    if let Ok(Some((_, after))) = expected {
        for end in 0..input.len() - after.len() {
            assert_eq!(decode(framing, [&input[..end]]), Ok(None), "{shown}");
        }
    }
}

fn chunked(input: &str, body: &str, after: &str) {
    let expected = Ok(Some((body.into(), after.into())));
    check(BodyLength::Chunked, input.as_bytes(), &expected);
}

fn refused(input: &str, error: HttpError) {
    check(BodyLength::Chunked, input.as_bytes(), &Err(error));
}

fn framing(fields: &str) -> Result<BodyLength, HttpError> {
    framing_of("1.1", fields)
}

fn framing_of(version: &str, fields: &str) -> Result<BodyLength, HttpError> {
    let head = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
    let mut headers = NO_HEADERS;
    match parse_head(head.as_bytes(), &mut headers, HeadLimits::default()) {
        Ok(Head::Complete { request, .. }) => request.body_length(),
        other => panic!("no request: {other:?}"),
    }
}

#[test]
fn a_length_counts_the_bytes() {
    let five = framing("Content-Length: 5\r\n").unwrap();
    let expected = Ok(Some((b"hello".to_vec(), b"GET /".to_vec())));
    check(five, b"helloGET /", &expected);
    assert_eq!(framing("Content-Length: 0\r\n"), Ok(BodyLength::None));
    assert_eq!(framing(""), Ok(BodyLength::None));
    let padded = framing("content-length:  0005 \r\n");
    assert_eq!(padded, Ok(five), "leading zeros are digits");
}

#[test]
fn a_length_over_the_limit_is_refused_before_a_byte_of_it_came() {
    for (length, is_good) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
        let framing = framing(&format!("Content-Length: {length}\r\n")).unwrap();
        let body = Body::new(framing, MAX);
        assert_eq!(body.is_ok(), is_good, "{length}");
    }
    let huge = framing("Content-Length: 99999999999999999999999999\r\n").unwrap();
    let refused = Body::new(huge, MAX).map(|_| ());
    assert_eq!(refused, Err(HttpError::BodyTooLarge));
}

#[test]
fn framing_that_two_could_read_in_two_ways_is_refused() {
    for bad in ["", "5, 5", "+5", "-1", "0x5", "5 5", "5;", "٥", "five"] {
        let fields = format!("Content-Length: {bad}\r\n");
        assert_eq!(framing(&fields), Err(HttpError::ContentLength), "{bad}");
    }
    let twice = "Content-Length: 5\r\nContent-Length: 5\r\n";
    assert_eq!(framing(twice), Err(HttpError::ContentLength));
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(framing(both), Err(HttpError::FramingTwice));
    let both = "Transfer-Encoding: identity\r\nContent-Length: 0\r\n";
    assert_eq!(framing(both), Err(HttpError::FramingTwice));
    for bad in [
        "",
        "chunked, identity",
        "gzip",
        "xchunked",
        "\"chunked\"",
        "chunked;q=1",
    ] {
        let fields = format!("Transfer-Encoding: {bad}\r\n");
        assert_eq!(framing(&fields), Err(HttpError::TransferEncoding), "{bad}");
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(framing(twice), Err(HttpError::TransferEncoding));
    for coding in ["gzip, chunked", "chunked,chunked", "identity,  CHUNKED"] {
        let fields = format!("Transfer-Encoding: {coding}\r\n");
        assert_eq!(framing(&fields), Err(HttpError::TransferCoding), "{coding}");
    }
    let old = framing_of("1.0", "Transfer-Encoding: chunked\r\n");
    assert_eq!(old, Err(HttpError::TransferEncoding));
    let fine = framing("transfer-encoding: Chunked\r\n");
    assert_eq!(fine, Ok(BodyLength::Chunked));
}

#[test]
fn chunks_become_one_body_however_they_are_cut() {
    chunked("0\r\n\r\n", "", "");
    chunked("5\r\nhello\r\n0\r\n\r\nGET /", "hello", "GET /");
    chunked("2\r\nhe\r\n3\r\nllo\r\n000\r\n\r\n\r\n", "hello", "\r\n");
    chunked("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "");
    chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "");
}

#[test]
fn extensions_and_trailers_are_read_and_mean_nothing() {
    chunked("2;a=b;c=\"d e\"\r\nhi\r\n0;x\r\n\r\n", "hi", "");
    chunked("2 ;a\r\nhi\r\n0\t;\r\n\r\n", "hi", "");
    chunked("2\r\nhi\r\n0\r\nContent-Length: 9\r\nX:\r\n\r\n", "hi", "");
}

#[test]
fn what_is_no_chunk_is_refused() {
    for bad in [
        "\r\n",
        "x\r\n",
        " 2\r\nhi\r\n",
        "-2\r\n",
        "0x2\r\n",
        "2\nhi\r\n",
        "2 \r\nhi\r\n",
        "2\rh",
        "2\r\nhi0\r\n",
        "2\r\nhi\n0\r\n",
        "2\r\nhi\rx",
        ";a\r\n",
        "2;a\nhi",
        "2;\0\r\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\n a: b\r\n",
        "0\r\n: b\r\n",
        "0\r\na b: c\r\n",
        "0\r\na : c\r\n",
        "0\r\na\r\n",
        "0\r\na: b\n",
        "0\r\na: b\r\r",
        "0\r\na: \0\r\n",
        "0\r\na: b\r\n c\r\n",
    ] {
        refused(bad, HttpError::Chunk);
    }
}

#[test]
fn the_limit_counts_the_whole_body() {
    let full = "x".repeat(MAX);
    chunked(&format!("{MAX:x}\r\n{full}\r\n0\r\n\r\n"), &full, "");
    let over = MAX + 1;
    refused(&format!("{over:x}"), HttpError::BodyTooLarge);
    let most = MAX - 1;
    refused(
        &format!("1\r\nx\r\n{most:x}\r\n{}\r\n1", "x".repeat(most)),
        HttpError::BodyTooLarge,
    );
    // No size wraps around.
    refused("FFFFFFFFFFFFFFFF", HttpError::BodyTooLarge);
    refused("10000000000000005", HttpError::BodyTooLarge);
}

#[test]
fn what_is_around_the_chunks_has_limits() {
    let zeros = "0".repeat(CHUNK_LINE_BYTES_MAX);
    chunked(&format!("{zeros}\r\n\r\n"), "", "");
    refused(&format!("{zeros}0"), HttpError::ChunkOverhead);
    let extension = "x".repeat(CHUNK_LINE_BYTES_MAX - 2);
    chunked(&format!("0;{extension}\r\n\r\n"), "", "");
    refused(&format!("0;{extension}x"), HttpError::ChunkOverhead);
    let trailer = "x".repeat(CHUNK_OVERHEAD_BYTES_MAX - 2);
    chunked(&format!("0\r\na:{trailer}\r\n\r\n"), "", "");
    refused(&format!("0\r\na:{trailer}x"), HttpError::ChunkOverhead);
    let chunk = format!("1;{}\r\nx\r\n", "y".repeat(99));
    let many = chunk.repeat(CHUNK_OVERHEAD_BYTES_MAX / 100 + 1);
    refused(&many, HttpError::ChunkOverhead);
}
