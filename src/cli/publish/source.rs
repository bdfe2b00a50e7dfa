//! Where the messages come from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::cli::Failure;

/// The messages in their order, or why there are no more.
pub(super) type Messages = Receiver<Result<Vec<u8>, Failure>>;

/// One message, so often.
pub(super) fn repeated(message: &[u8], times: u64) -> Messages {
    let message = message.to_vec();
    feed(move |sender| {
        for _ in 0..times {
            if sender.send(Ok(message.clone())).is_err() {
                return;
            }
        }
    })
}

/// All of a file, or of standard input in place of `-`.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = open(path)?
        .take(MESSAGE_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    read.map_err(|err| unreadable(path, &err))?;
    if MESSAGE_BYTES_MAX < bytes.len() as u64 {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path} is longer than 16 MiB, the longest message of any server; with --lines each \
             line is a message"
        )));
    }
    Ok(bytes)
}

/// Each line of a file, as it comes.
pub(super) fn lines(path: &Path) -> Result<Messages, Failure> {
    let mut file = BufReader::new(open(path)?);
    let path = path.to_owned();
    Ok(feed(move |sender| {
        loop {
            let line = next_line(&mut file).map_err(|err| unreadable(&path, &err));
            let Some(line) = line.transpose() else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    }))
}

/// The next line without its end.
fn next_line(file: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    file.take(MESSAGE_BYTES_MAX + 2)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
    }
    if MESSAGE_BYTES_MAX < line.len() as u64 {
        return Err(io::Error::other("a line is longer than 16 MiB"));
    }
    Ok(Some(line))
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(path);
    Ok(Box::new(opened.map_err(|err| unreadable(path, &err))?))
}

fn unreadable(path: &Path, err: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {err}", path.display()))
}

/// Reads on a thread of its own: meanwhile the connection must be kept alive.
fn feed(read: impl FnOnce(&Sender<Result<Vec<u8>, Failure>>) + Send + 'static) -> Messages {
    let (sender, messages) = bounded(AHEAD);
    // Without a thread there are no messages, and the channel is closed.
    let thread = thread::Builder::new().name("input".to_owned());
    let spawned = thread.spawn({
        let sender = sender.clone();
        move || read(&sender)
    });
    if let Err(err) = spawned {
        let failure = Failure::failed(format!("cannot start a thread: {err}"));
        let _sent = sender.send(Err(failure));
    }
    messages
}

/// Messages that are read before they can be sent.
const AHEAD: usize = 16;
/// The most that `limits.message` of a server may be.
const MESSAGE_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_line_feed_or_both_or_the_end() {
        let mut file = &b"a\r\n\nb\rc\n d"[..];
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut file).unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["a", "", "b\rc", " d"]);
    }

    #[test]
    fn a_message_is_repeated_and_then_there_are_no_more() {
        let messages = repeated(b"x", 40);
        assert_eq!(messages.iter().map(Result::unwrap).count(), 40);
    }
}
