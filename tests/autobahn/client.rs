//! The client that the Autobahn suite's fuzzing server judges: it sends back whatever it gets.
//!
//! `autobahn_client ws://127.0.0.1:9001` asks how many cases there are, goes through them, and has
//! the reports written. `.ci/autobahn` runs it.

#![expect(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::time::{Duration, Instant};

use corecast::client::{Client, ClientBuilder, Event};
use corecast::{Compression, Kind};

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::args().nth(1).ok_or("the URL of the suite?")?;
    let mut count = None;
    talk(&format!("{base}/getCaseCount"), |_, _, payload| {
        count = std::str::from_utf8(payload).ok()?.parse().ok();
        Some(())
    })?;
    let count: u32 = count.ok_or("the suite does not say how many cases there are")?;
    for case in 1..=count {
        talk(
            &format!("{base}/runCase?case={case}&agent=corecast"),
            |client, kind, payload| client.send(kind, payload, deadline()).ok(),
        )?;
    }
    talk(
        &format!("{base}/updateReports?agent=corecast"),
        |_, _, _| None,
    )?;
    println!("{count} cases");
    Ok(())
}

/// Answers messages until the server ends the connection, which is no error here: the suite judges
/// what went before.
fn talk(
    url: &str,
    mut answer: impl FnMut(&mut Client, Kind, &[u8]) -> Option<()>,
) -> Result<(), Box<dyn Error>> {
    let mut client = builder(url)?.connect()?;
    loop {
        match client.recv(deadline())? {
            Event::Message { kind, payload, .. } => {
                answer(&mut client, kind, &payload);
            }
            Event::Disconnected { .. } => return Ok(()),
            _ => {}
        }
    }
}

fn builder(url: &str) -> Result<ClientBuilder, Box<dyn Error>> {
    let compression = Compression {
        threshold: 0,
        ..Compression::default()
    };
    Ok(Client::builder(url)?
        .reconnect(false)
        .message_bytes_max(16 << 20)
        .compression(compression))
}

/// The longest cases send a thousand messages, which takes minutes.
fn deadline() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a program")]
    let now = Instant::now();
    now + Duration::from_secs(600)
}
