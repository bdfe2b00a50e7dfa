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
