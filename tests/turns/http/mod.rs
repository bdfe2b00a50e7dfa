//! HTTP as a shard speaks it, without sockets: every cut, every limit, with a clock that is moved.

#[cfg(feature = "auth")]
mod access;
mod api;
mod date;
mod events;
mod full;
mod heads;
mod linger;
mod origins;
mod requests;
mod server;
mod sizes;
mod smuggling;
mod throttle;
mod time;

/// A request without a body.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")
}

/// The statuses of answers that stand one after the other, by their lengths.
fn statuses(mut answers: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    while let Some(rest) = answers.strip_prefix("HTTP/1.1 ") {
        let status: u16 = rest[..3].parse().unwrap();
        let (head, after) = rest.split_once("\r\n\r\n").unwrap();
        let len = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let len: usize = len.map_or(0, |len| len.parse().unwrap());
        statuses.push(status);
        answers = &after[len..];
    }
    assert_eq!(answers, "", "no answer");
    statuses
}
