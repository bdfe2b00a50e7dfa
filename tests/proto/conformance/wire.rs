//! A connection in memory, in place of a socket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

/// One end of a connection in memory; clones are the same end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Rc<RefCell<Buffers>>);

#[derive(Debug, Default)]
struct Buffers {
    to_read: VecDeque<u8>,
    written: Vec<u8>,
}

impl Wire {
    /// Makes bytes readable.
    pub(crate) fn feed(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_read.extend(bytes);
    }

    /// What was written since the last call.
    pub(crate) fn take_written(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().written)
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.borrow_mut().to_read.read(buf)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().written.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
