//! The TLS session of a client's connection, between its socket and plaintext.

use std::io::{self, ErrorKind, Read, Write};

use rustls::{AlertDescription, CertificateError, ClientConnection, Error};

use crate::tls::dial::DialKeys;
use crate::tls::fault::TlsFault;

/// The session of one connection. Its non-blocking socket is lent to each call.
///
/// An error of TLS is an [`io::Error`] with a [`TlsFault`] inside.
#[derive(Debug)]
pub struct DialSession {
    conn: ClientConnection,
    /// The number of the caller's bytes in an encrypted record that the socket has not taken
    /// completely.
    sealed: usize,
    /// Nothing more can arrive; earlier bytes may still have to be read.
    fault: Option<TlsFault>,
}

impl DialSession {
    /// Creates a session that has sent nothing yet.
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

    /// Whether [`write`](Self::write) has something to do; `has_bytes`: there are bytes to send.
    pub fn may_write(&self, has_bytes: bool) -> bool {
        self.conn.wants_write() || has_bytes && !self.conn.is_handshaking()
    }

    /// Fills the front of `space` with the server's bytes; returns 0 after its `close_notify` (RFC
    /// 8446 section 6.1).
    ///
    /// # Errors
    ///
    /// Those of the socket, including `WouldBlock`; `Interrupted` if many bytes arrived and none
    /// are for the caller; the end of the stream without `close_notify`; and errors of TLS.
    pub fn read<S: Read + Write>(&mut self, socket: &mut S, space: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        for _ in 0..STEPS_PER_READ {
            let rest = &mut space[filled..];
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
                // An end or an error is returned again after the available bytes.
                _ if 0 < filled => return Ok(filled),
                other => return other,
            }
        }
        match filled {
            0 => Err(ErrorKind::Interrupted.into()),
            _ => Ok(filled),
        }
    }

    /// Reads up to a few KiB from the socket and continues the handshake.
    fn receive<S: Read + Write>(&mut self, socket: &mut S) -> io::Result<()> {
        if let Some(fault) = &self.fault {
            return Err(io::Error::new(ErrorKind::InvalidData, fault.clone()));
        }
        if self.conn.read_tls(socket)? == 0 {
            // An attacker may have cut the stream (RFC 8446 section 6.1).
            let cut = "the stream ended without a word of TLS";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, cut));
        }
        let processed = self.conn.process_new_packets();
        // Continues the handshake, or sends an alert. What the socket does not take now waits for
        // `write`, which also returns the error again. So does everything behind the caller's
        // bytes, whose fate the caller learns there.
        if self.sealed == 0 {
            let _later = self.flush(socket);
        }
        self.fault = processed.err().map(fault_of);
        Ok(())
    }

    /// Sends from the front of `bytes`; returns how many of them the socket has taken, encrypted.
    /// The next call must begin with the rest. It takes none before the end of the handshake, and
    /// at most one record: the server receives either all counted bytes or none.
    ///
    /// # Errors
    ///
    /// Those of the socket, including `WouldBlock`.
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

    /// Sends `close_notify`, as far as the socket takes it. If there are encrypted bytes that
    /// [`write`](Self::write) did not count, nothing is sent: the caller may send them again, and
    /// they must not arrive twice.
    pub fn close(&mut self, socket: &mut impl Write) {
        if self.sealed != 0 {
            return;
        }
        self.conn.send_close_notify();
        // A closed connection needs no alert.
        let _gone = self.flush(socket);
    }
}

/// Converts an error of the library to one with a remedy for the user.
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

/// The plaintext of one record (RFC 8446 section 5.1). If several were sent at once, the server
/// could have the first before the caller knows of any.
const RECORD_BYTES_MAX: usize = 1 << 14;
/// Records without data for the caller must not keep a call beyond its deadline. Each step reads a
/// few KiB from the socket, or returns the data of one record.
const STEPS_PER_READ: usize = 64;
