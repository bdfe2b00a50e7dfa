//! A queue from the log to a thread that writes it: if the reader of the log stalls, only this
//! thread waits.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::admin::log_line::LogLines;
use crate::limits::{LOG_BATCH_BYTES, LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
use crate::sys::signals;

/// A bounded queue of lines, and a thread that writes them. Each `write` is one line.
#[derive(Clone, Debug)]
pub struct LogQueue {
    entries: Sender<Entry>,
    /// Lines lost because the queue was full or writing failed.
    lost: Arc<AtomicU64>,
    /// How lines look.
    shape: Arc<OnceLock<LogLines>>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before it is written.
    Flushed(Sender<()>),
}

impl LogQueue {
    /// Starts a thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(mut out: impl Write + AsFd + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = bounded(LOG_LINES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let shape = Arc::new(OnceLock::new());
        let shaped = Arc::clone(&shape);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                signals::block_all();
                write_entries(&queue, &mut out, &counted, &shaped);
            })?;
        Ok(Self {
            entries,
            lost,
            shape,
        })
    }

    /// Says how lines look that the queue makes itself; before, they are text.
    pub fn set_shape(&self, lines: LogLines) {
        // It is said once.
        let _set = self.shape.set(lines);
    }

    /// Appends a line that is not from the `log` crate.
    pub fn tell(&self, text: &str) {
        let lines = self.shape.get().copied().unwrap_or_default();
        self.put(lines.bare(text).as_bytes());
    }

    /// Appends a line, or counts it as lost if there is no space.
    pub fn put(&self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let entry = Entry::Line([front(text), b"\n"].concat());
        if self.entries.try_send(entry).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything before it is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        // One deadline for both waits.
        let late = after(patience);
        let (sender, flushed) = bounded(1);
        select! {
            send(self.entries, Entry::Flushed(sender)) -> _ => {}
            recv(late) -> _ => return,
        }
        // If it is not written by then, the reader has stalled.
        select! {
            recv(flushed) -> _ => {}
            recv(late) -> _ => {}
        }
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The part of a line that is written: at most the maximum length, without cutting a UTF-8
/// character.
fn front(line: &[u8]) -> &[u8] {
    let mut end = line.len().min(LOG_LINE_BYTES_MAX);
    while 0 < end && line.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    &line[..end]
}

fn write_entries(
    queue: &Receiver<Entry>,
    out: &mut (impl Write + AsFd),
    lost: &AtomicU64,
    shape: &OnceLock<LogLines>,
) {
    let mut told = 0;
    let mut batch = Vec::new();
    while let Ok(first) = queue.recv() {
        let (mut lines, mut flushed) = (0, None);
        for entry in std::iter::once(first).chain(queue.try_iter()) {
            match entry {
                Entry::Line(line) => {
                    batch.extend_from_slice(&line);
                    lines += 1;
                }
                Entry::Flushed(done) => flushed = Some(done),
            }
            if flushed.is_some() || LOG_BATCH_BYTES <= batch.len() {
                break;
            }
        }
        let all = lost.load(Ordering::Relaxed);
        if told < all {
            let count = all - told;
            let text = format!("corecast: {count} log lines were lost: the reader had stalled");
            let lines = shape.get().copied().unwrap_or_default();
            batch.extend_from_slice(lines.bare(&text).as_bytes());
            batch.push(b'\n');
        }
        if write_all(out, &batch).is_ok() {
            told = all;
        } else {
            lost.fetch_add(lines, Ordering::Relaxed);
        }
        batch.clear();
        if let Some(done) = flushed {
            // The caller may have given up.
            let _gone = done.send(());
        }
    }
}

/// Writes all bytes; waits if the descriptor is non-blocking and full.
fn write_all(out: &mut (impl Write + AsFd), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) if err.kind() == ErrorKind::WouldBlock => {
                match poll(&mut [PollFd::new(out, PollFlags::OUT)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(err) => return Err(err.into()),
                }
            }
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "log_queue_tests.rs"]
mod tests;
