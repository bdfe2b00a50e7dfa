//! A queue from the log to a thread that writes it: if the reader of the log stalls, only this
//! thread waits.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::limits::{LOG_BATCH_BYTES, LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
use crate::sys::signals;

/// A bounded queue of lines, and a thread that writes them. Each `write` is one line.
#[derive(Clone, Debug)]
pub struct LogQueue {
    entries: Sender<Entry>,
    /// Lines lost because the queue was full or writing failed.
    lost: Arc<AtomicU64>,
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

fn write_entries(queue: &Receiver<Entry>, out: &mut (impl Write + AsFd), lost: &AtomicU64) {
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
            let text = format!("corecast: {count} log lines were lost: the reader had stalled\n");
            batch.extend_from_slice(text.as_bytes());
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
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::fd::BorrowedFd;
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
    fn a_reader_that_stalls_costs_lines_which_are_counted_and_reported() {
        let (out, reader) = UnixStream::pair().unwrap();
        let queue = LogQueue::start(out).unwrap();
        let line = [b'x'; LOG_LINE_BYTES_MAX + 1];
        let mut put = 0;
        // The socket holds some of them, the writer another, and the queue the others.
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
            told.ends_with(" log lines were lost: the reader had stalled"),
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
        assert_eq!(queue.lost(), 1);
    }

    /// Fails to write all that is without this line, however lines come together.
    struct Broken(UnixStream, &'static str);

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::str::from_utf8(bytes).unwrap().contains(self.1) {
                return self.0.write(bytes);
            }
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Broken {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    #[test]
    fn a_loss_of_lines_that_could_not_be_reported_is_reported_later() {
        let (out, reader) = UnixStream::pair().unwrap();
        let queue = LogQueue::start(Broken(out, "three")).unwrap();
        for line in ["one", "two", "three"] {
            queue.put(line.as_bytes());
            queue.flush(LONG);
        }
        assert_eq!(queue.lost(), 2);
        drop(queue);
        let lines: Vec<_> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        let told = "corecast: 2 log lines were lost: the reader had stalled";
        assert_eq!(lines, ["three", told]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_behind_a_character() {
        for (before, kept) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 0)] {
            let line = [
                "x".repeat(LOG_LINE_BYTES_MAX - before),
                "\u{1F600}".repeat(2),
            ]
            .concat();
            let text = std::str::from_utf8(front(line.as_bytes())).unwrap();
            assert_eq!(text.len(), LOG_LINE_BYTES_MAX - kept, "{before}");
        }
        let nonsense = [0x80; LOG_LINE_BYTES_MAX + 1];
        assert_eq!(front(&nonsense), b"");
        assert_eq!(front(&nonsense[..9]), &nonsense[..9], "it is not too long");
    }
}
