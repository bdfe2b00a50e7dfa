//! Answers without an end: streams of server-sent events, and of lines.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use corecast::Position;

use crate::support::http::try_read_head;
use crate::support::positions::Told;

/// The body of an answer that goes on.
#[derive(Debug)]
pub(crate) struct Body {
    stream: BufReader<TcpStream>,
    is_chunked: bool,
    unread: Vec<u8>,
}

impl Body {
    /// Asks for it.
    pub(super) fn ask(mut stream: TcpStream, request: &str) -> io::Result<Self> {
        stream.write_all(request.as_bytes())?;
        let head = try_read_head(&mut stream)?;
        if head.status != 200 {
            return Err(io::Error::other(head.head));
        }
        Ok(Self {
            stream: BufReader::new(stream),
            is_chunked: head.field("transfer-encoding").is_some(),
            unread: Vec::new(),
        })
    }

    /// The next part that ends so, with its end.
    pub(super) fn read_to(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            let mut windows = self.unread.windows(end.len());
            if let Some(at) = windows.position(|bytes| bytes == end) {
                let part = self.unread.drain(..at + end.len()).collect();
                return Ok(String::from_utf8(part).expect("a text"));
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        if !self.is_chunked {
            let read = self.stream.fill_buf()?;
            let len = read.len();
            self.unread.extend_from_slice(read);
            self.stream.consume(len);
            return match len {
                0 => Err(ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            };
        }
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap_or(0);
        if len == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut chunk = vec![0; len + 2];
        self.stream.read_exact(&mut chunk)?;
        let bytes = chunk.strip_suffix(b"\r\n").expect("a chunk ends");
        self.unread.extend_from_slice(bytes);
        Ok(())
    }
}

/// The next thing that a stream of server-sent events tells, read as a browser does (WHATWG HTML
/// standard, section 9.2.6).
pub(super) fn next_event(body: &mut Body) -> io::Result<Told> {
    loop {
        if let Some(told) = told(&body.read_to(b"\n\n")?) {
            return Ok(told);
        }
    }
}

/// The meaning of an event; none if it is a comment or a time alone.
fn told(event: &str) -> Option<Told> {
    let (mut id, mut name, mut data) = (None, "", None::<String>);
    for line in event.trim_end_matches('\n').split('\n') {
        let (field, value) = line.split_once(':').expect("a field");
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = Some(value),
            "event" => name = value,
            "data" => {
                data = Some(match data {
                    Some(lines) => lines + "\n" + value,
                    None => value.to_owned(),
                });
            }
            "" | "retry" => {}
            other => panic!("field {other}"),
        }
    }
    let position = id.filter(|id| !id.is_empty());
    let position: Option<Position> = position.map(|id| id.parse().unwrap());
    match (name, data) {
        ("gap", Some(data)) => {
            assert_eq!(Some(data.as_str()), id);
            Some(Told::Gap(position))
        }
        (_, Some(data)) => Some(Told::Message(position, data)),
        (_, None) => position.map(Told::Position),
    }
}
