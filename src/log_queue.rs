//! Lines of the log on their way to a thread that may wait: whoever reads them, and stalls, holds
//! up nothing but that thread.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::limits::{LOG_BATCH_BYTES, LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
use crate::sys::signals;

/// A bounded queue of lines, and a thread that writes them. Each `write` is one line.
#[derive(Clone, Debug)]
pub struct LogQueue {
    entries: Sender<Entry>,
    /// Lines that found no space, or no reader.
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// All that came before is written.
    Flushed(Sender<()>),
}

impl LogQueue {
    /// Starts a thread that writes to `out`.
    ///
    /// # Errors
    ///
    /// Out of threads.
    pub fn start(mut out: impl Write + AsFd + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = bounded(LOG_LINES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                signals::block_all();
                write_entries(&queue, &mut out, &counted);
            })?;
        Ok(Self { entries, lost })
    }

    /// Appends a line, or counts it as lost if there is no space.
    pub fn put(&self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = &text[..text.len().min(LOG_LINE_BYTES_MAX)];
        let entry = Entry::Line([text, b"\n"].concat());
        if self.entries.try_send(entry).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until all that came before is written, but no longer than that.
    pub fn flush(&self, patience: Duration) {
        let (sender, flushed) = bounded(1);
        let asked = self.entries.send_timeout(Entry::Flushed(sender), patience);
        if asked.is_ok() {
            // If not by then, nobody reads.
            let _late = flushed.recv_timeout(patience);
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

fn write_entries(queue: &Receiver<Entry>, out: &mut (impl Write + AsFd), lost: &AtomicU64) {
    let mut told = 0;
    let mut batch = Vec::new();
    while let Ok(first) = queue.recv() {
        let (mut lines, mut flushed) = (0, None);
        for entry in std::iter::once(first).chain(queue.try_iter()) {
            match entry {
                Entry::Line(line) => batch.extend_from_slice(&line),
                Entry::Flushed(done) => flushed = Some(done),
            }
            lines += 1;
            if flushed.is_some() || LOG_BATCH_BYTES <= batch.len() {
                break;
            }
        }
        let all = lost.load(Ordering::Relaxed);
        if told < all {
            let count = all - told;
            let text = format!("corecast: {count} lines of the log were lost: nobody read them\n");
            batch.extend_from_slice(text.as_bytes());
            told = all;
        }
        if write_all(out, &batch).is_err() {
            lost.fetch_add(lines, Ordering::Relaxed);
        }
        batch.clear();
        if let Some(done) = flushed {
            // Whoever asked may have given up.
            let _gone = done.send(());
        }
    }
}

/// Writes all, and waits where the descriptor does not block.
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
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_out_in_order() {
        for blocks in [true, false] {
            let (out, reader) = UnixStream::pair().unwrap();
            out.set_nonblocking(!blocks).unwrap();
            let queue = LogQueue::start(out).unwrap();
            let reader = thread::spawn(|| {
                let lines = BufReader::new(reader).lines().map(Result::unwrap);
                lines.take(5_000).collect::<Vec<_>>()
            });
            for n in 0..5_000 {
                queue.put(format!("line {n}\n").as_bytes());
                if n % 100 == 0 {
                    queue.flush(LONG);
                }
            }
            let lines = reader.join().unwrap();
            let expected = (0..5_000).map(|n| format!("line {n}"));
            assert!(lines.into_iter().eq(expected));
        }
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_which_are_counted_and_told() {
        let (out, reader) = UnixStream::pair().unwrap();
        let queue = LogQueue::start(out).unwrap();
        let line = [b'x'; LOG_LINE_BYTES_MAX + 1];
        let mut put = 0;
        // The socket holds a part of them, the writer another, the queue the others.
        while queue.lost() < 10 {
            queue.put(&line);
            put += 1;
        }
        assert!(LOG_LINES_MAX < put);
        queue.flush(Duration::from_millis(1));
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        let told = lines
            .by_ref()
            .find(|line| line.starts_with("corecast: "))
            .unwrap();
        assert!(
            told.ends_with(" lines of the log were lost: nobody read them"),
            "{told}"
        );
        assert!(
            lines.next().unwrap().len() == LOG_LINE_BYTES_MAX,
            "what is too long is cut"
        );
    }

    #[test]
    fn without_a_reader_lines_are_lost_and_nothing_fails() {
        let (out, reader) = UnixStream::pair().unwrap();
        drop(reader);
        let queue = LogQueue::start(out).unwrap();
        queue.put(b"nobody reads this");
        queue.flush(LONG);
        assert_ne!(queue.lost(), 0);
    }
}
