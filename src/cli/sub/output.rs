//! Standard output, whose reader may go away.

use std::io::{self, BufWriter, Stdout, Write};

use jiff::Timestamp;

use crate::cli::Failure;
use crate::cli::sub::line::{Format, Received};
use crate::sys::descriptors::has_no_reader;
use crate::sys::time_of_day::since_1970;

/// Where messages are printed.
pub(super) struct Output {
    format: Format,
    out: BufWriter<Stdout>,
}

/// Nothing more can be printed: the reader has gone, which is no error, or there is one.
pub(super) struct Closed(pub(super) Result<(), Failure>);

impl Output {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            out: BufWriter::new(io::stdout()),
        }
    }

    pub(super) fn print(&mut self, message: &Received) -> Result<(), Closed> {
        let millis = i64::try_from(since_1970().as_millis()).unwrap_or_default();
        let time = Timestamp::from_millisecond(millis).unwrap_or_default();
        let printed = self.format.write(&mut self.out, message, time);
        printed.map_err(|err| Closed::by(&err))
    }

    pub(super) fn flush(&mut self) -> Result<(), Closed> {
        self.out.flush().map_err(|err| Closed::by(&err))
    }

    /// Whether the reader has gone; without it, a pipe tells that at the next message.
    pub(super) fn has_no_reader(&self) -> bool {
        has_no_reader(self.out.get_ref())
    }
}

impl Closed {
    fn by(err: &io::Error) -> Self {
        Self(match err.kind() {
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Failure::failed(format!(
                "cannot write to standard output: {err}"
            ))),
        })
    }
}
