//! What goes out on attacking connections, and what comes back.

use std::sync::Arc;

use rustix::io::Errno;

use crate::client::State;
use crate::hostile::script::Then;
use crate::hostile::siege::Siege;
use crate::url::Protocol;
use crate::worker::io_label;

/// Writes of one connection in a turn.
const WRITES_PER_TURN: usize = 4;
/// Reads of one connection in a turn.
const READS_PER_TURN: usize = 4;
const MESSAGE_BYTES_MAX: usize = 1 << 20;

impl Siege {
    /// Writes what the socket takes, within its part of the turn.
    pub(super) fn write(&mut self, index: usize) {
        for _ in 0..WRITES_PER_TURN {
            let foe = &mut self.foes[index];
            if foe.link.fd.is_none() || foe.link.state == State::Connecting {
                return;
            }
            if foe.gone == foe.now.len() {
                let next = match &foe.script.then {
                    Then::Repeat(piece) if foe.link.state == State::Live => Arc::clone(piece),
                    _ => return,
                };
                foe.sends(next);
            }
            let taken = foe.link.send(&foe.now[foe.gone..]);
            foe.gone += taken;
            let loss = self.losses.entry(foe.script.attack).or_default();
            loss.sent += taken as u64;
            if foe.gone < foe.now.len() {
                // An event tells when it takes more.
                return;
            }
        }
        self.want(index);
    }

    /// Reads what there is, within its part of the turn.
    pub(super) fn read(&mut self, index: usize) {
        for _ in 0..READS_PER_TURN {
            let foe = &mut self.foes[index];
            if foe.link.state == State::Idle || (foe.link.state == State::Live && !foe.script.reads)
            {
                return;
            }
            let kept = foe.link.take_partial(&mut self.buf);
            match foe.link.recv(&mut self.buf[kept..]) {
                Ok(0) => return self.end(index, "closed by the server".to_owned()),
                Ok(len) if foe.link.state == State::Opening => self.hear(index, kept + len),
                Ok(_) => self.note_answer(index),
                Err(Errno::AGAIN) => return foe.link.keep_partial(&self.buf[..kept]),
                Err(Errno::INTR) => foe.link.keep_partial(&self.buf[..kept]),
                Err(error) => return self.end(index, io_label(error.into())),
            }
        }
        // There may be more, and no event tells.
        self.want(index);
    }

    /// The answer to an upgrade.
    fn hear(&mut self, index: usize, len: usize) {
        let foe = &mut self.foes[index];
        let inflater = foe.script.deflate.then_some(&mut self.inflater);
        let heard = foe
            .link
            .handle_bytes(&self.buf[..len], MESSAGE_BYTES_MAX, inflater, |_| {});
        match heard {
            Err(ended) => self.end(index, ended.label()),
            Ok(()) if foe.link.state == State::Live => {
                foe.link.keep_partial(&[]);
                foe.becomes_live();
                self.want(index);
            }
            Ok(()) => {}
        }
    }

    /// An answer to a request over HTTP is counted by its status.
    fn note_answer(&mut self, index: usize) {
        let foe = &self.foes[index];
        if foe.script.upgrades() || foe.script.target.protocol != Protocol::WebSocket {
            return;
        }
        let status = self
            .buf
            .strip_prefix(b"HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        if let Some(status) = status {
            let answer = format!("HTTP status {}", String::from_utf8_lossy(status));
            let loss = self.losses.entry(foe.script.attack).or_default();
            *loss.ends.entry(answer).or_default() += 1;
        }
        // What is behind this in the buffer is of an older answer.
        self.buf[..12].fill(0);
    }
}
