//! TLS of one connection as a client: bytes of the socket on one side, the server's on the other.

use std::io::{self, ErrorKind, Read, Write};

use rustls::{AlertDescription, CertificateError, ClientConnection, Error};

use crate::tls::dial::DialKeys;
use crate::tls::fault::TlsFault;

/// One connection's session. Its socket, which must not wait, is lent to each call.
///
/// What is wrong with TLS comes as an [`io::Error`] with a [`TlsFault`] inside.
#[derive(Debug)]
pub struct DialSession {
    conn: ClientConnection,
    /// How many of the caller's bytes are sealed in a record that the socket has not taken whole.
    sealed: usize,
    /// Nothing can come any more; what came before may not have been read.
    fault: Option<TlsFault>,
}

impl DialSession {
    /// A session that has said nothing yet.
    ///
    /// # Errors
    ///
    /// The library refuses the settings as a whole.
    pub fn new(keys: &DialKeys) -> Result<Self, TlsFault> {
        let conn = ClientConnection::new(keys.config.clone(), keys.server.clone());
        Ok(Self {
            conn: conn.map_err(fault_of)?,
            sealed: 0,
            fault: None,
        })
    }

    /// Whether [`write`](Self::write) has something to do, where there are bytes to send or not.
    pub fn may_write(&self, has_bytes: bool) -> bool {
        self.conn.wants_write() || has_bytes && !self.conn.is_handshaking()
    }

    /// Fills the front of `room` with what the server has sent; 0 when it has said that nothing
    /// more will come (RFC 8446 section 6.1).
    ///
    /// # Errors
    ///
    /// As the socket, `WouldBlock` among them; `Interrupted` where much has come of which nothing
    /// is for the caller; the end of the stream without a word of TLS, and what is wrong with TLS.
    pub fn read<S: Read + Write>(&mut self, socket: &mut S, room: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        for _ in 0..STEPS_PER_READ {
            let rest = &mut room[filled..];
            if rest.is_empty() {
                return Ok(filled);
            }
            let came = match self.conn.reader().read(rest) {
                Err(err) if err.kind() == ErrorKind::WouldBlock => match self.receive(socket) {
                    Ok(()) => continue,
                    Err(err) => Err(err),
                },
                other => other,
            };
            match came {
                Ok(n) if 0 < n => filled += n,
                // An end or an error comes again, when what is there has been taken.
                _ if 0 < filled => return Ok(filled),
                other => return other,
            }
        }
        match filled {
            0 => Err(ErrorKind::Interrupted.into()),
            _ => Ok(filled),
        }
    }

    /// Takes what the socket has, up to a few KiB, and goes on with the handshake.
    fn receive<S: Read + Write>(&mut self, socket: &mut S) -> io::Result<()> {
        if let Some(fault) = &self.fault {
            return Err(io::Error::new(ErrorKind::InvalidData, fault.clone()));
        }
        if self.conn.read_tls(socket)? == 0 {
            // Anyone may have cut it (RFC 8446 section 6.1).
            let cut = "the stream ended without a word of TLS";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, cut));
        }
        let processed = self.conn.process_new_packets();
        // The handshake goes on, or the server is told what is wrong. What the socket does not
        // take now waits for `write`, where an error comes again; and so does all that is behind
        // the caller's, which goes where the caller is told of it.
        if self.sealed == 0 {
            let _later = self.flush(socket);
        }
        self.fault = processed.err().map(fault_of);
        Ok(())
    }

    /// Sends from the front of `bytes`; returns how many of them the socket has taken, sealed.
    /// Those that it has not are to come first in the next call. None before the handshake is
    /// over, and one record's at the most: the server has all that was counted or nothing of it.
    ///
    /// # Errors
    ///
    /// As the socket: `WouldBlock` among them.
    pub fn write(&mut self, socket: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        self.flush(socket)?;
        if self.sealed == 0 && !self.conn.is_handshaking() {
            let record = &bytes[..bytes.len().min(RECORD_BYTES_MAX)];
            self.sealed = self.conn.writer().write(record)?;
            self.flush(socket)?;
        }
        Ok(std::mem::take(&mut self.sealed))
    }

    fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.conn.wants_write() {
            match self.conn.write_tls(socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Says that nothing more will come, as far as the socket takes it. Where bytes are sealed
    /// that [`write`](Self::write) did not count, nothing is said: they may be sent again, and
    /// must not come twice.
    pub fn close(&mut self, socket: &mut impl Write) {
        if self.sealed != 0 {
            return;
        }
        self.conn.send_close_notify();
        // Who is gone need not be told.
        let _gone = self.flush(socket);
    }
}

/// What went wrong, in the words of whoever may do something about it.
fn fault_of(err: Error) -> TlsFault {
    match err {
        Error::InvalidCertificate(err) => match err {
            CertificateError::UnknownIssuer => TlsFault::Authority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::Name
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsFault::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::Early
            }
            other => TlsFault::Certificate(other.to_string()),
        },
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => TlsFault::Anonymous,
            other => TlsFault::Refused(format!("{other:?}")),
        },
        Error::InvalidMessage(_) => TlsFault::Nonsense,
        other => TlsFault::Other(other.to_string()),
    }
}

/// What one record carries (RFC 8446 section 5.1). Of several, the server could have the first
/// before the caller is told of any.
const RECORD_BYTES_MAX: usize = 1 << 14;
/// What a server says to TLS alone must not keep a call from its deadline. Each step takes a few
/// KiB from the socket, or gives a record's to the caller.
const STEPS_PER_READ: usize = 64;
