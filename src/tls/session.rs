//! The TLS session of one connection: takes bytes of the socket and returns bytes for the socket.
//!
//! The session owns no buffer while no record is incomplete: it works in the buffers of the shard,
//! and keeps only the beginning of an incomplete record.

use std::fmt;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
    UnbufferedStatus, WriteTraffic,
};
use rustls::{HandshakeKind, ProtocolVersion};

use crate::limits::TLS_REST_BYTES_MAX;
use crate::tls::identity;
use crate::tls::keys::Keys;
use crate::tls::{Failed, Progress};

/// The server's side of one connection.
pub struct Session {
    tls: UnbufferedServerConnection,
    /// The beginning of an incomplete record or handshake message.
    rest: Vec<u8>,
    is_open: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_open", &self.is_open)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Creates a session that waits for its client's first bytes.
    ///
    /// # Errors
    ///
    /// The listener's rules contradict each other.
    pub fn new(keys: &Keys) -> Result<Self, Failed> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(keys.config())?,
            rest: Vec::new(),
            is_open: false,
        })
    }

    /// Whether the handshake is over.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The subject of the client's certificate (RFC 4514), if it showed one.
    pub fn identity(&self) -> Option<String> {
        self.tls
            .peer_certificates()?
            .first()
            .and_then(identity::subject)
    }

    /// Whether a ticket shortened the handshake.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether a client that has closed its side may still receive. Before TLS 1.3, the other side
    /// must close as well, at once (RFC 5246 section 7.2.1, RFC 8446 section 6.1).
    pub fn may_half_close(&self) -> bool {
        self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    /// The version in use, for the log.
    pub fn version(&self) -> &'static str {
        match self.tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        }
    }

    /// The kept bytes, which belong before new ones; at most [`TLS_REST_BYTES_MAX`].
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// Takes the kept bytes ([`rest`](Self::rest)) followed by the new ones.
    ///
    /// Appends the client's data to `plaintext`, at most as long as `input`, and the bytes to send
    /// to `output`.
    ///
    /// # Errors
    ///
    /// The peer violated TLS. `output` has the alert, and nothing may be sent after it.
    pub fn receive(
        &mut self,
        input: &mut [u8],
        plaintext: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> Result<Progress, Failed> {
        let mut progress = Progress::default();
        let mut at = 0;
        loop {
            let UnbufferedStatus { discard, state } =
                self.tls.process_tls_records(&mut input[at..]);
            let mut is_over = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        plaintext.extend_from_slice(record?.payload);
                        progress.records += 1;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, output)?,
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => progress.closed = true,
                Ok(
                    ConnectionState::WriteTraffic(_)
                    | ConnectionState::BlockedHandshake
                    | ConnectionState::Closed,
                ) => is_over = true,
                Ok(_) => return Err(Failed("early data".to_owned())),
                Err(err) => {
                    self.alert(output)?;
                    return Err(err.into());
                }
            }
            at += discard;
            if is_over {
                break;
            }
        }
        let is_open = !self.tls.is_handshaking();
        progress.opened = is_open && !self.is_open;
        self.is_open = is_open;
        self.keep(&input[at..])?;
        Ok(progress)
    }

    /// Appends records with `plaintext` to `output`. Only after the handshake.
    ///
    /// # Errors
    ///
    /// The session has ended, or its keys are used up (RFC 8446 section 5.5).
    pub fn seal(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<(), Failed> {
        self.write(
            output,
            plaintext.len() + RECORD_OVERHEAD,
            |traffic, space| traffic.encrypt(plaintext, space),
        )
    }

    /// Appends `close_notify` (RFC 8446 section 6.1).
    ///
    /// # Errors
    ///
    /// The session has ended.
    pub fn close(&mut self, output: &mut Vec<u8>) -> Result<(), Failed> {
        self.write(output, RECORD_OVERHEAD, |traffic, space| {
            traffic.queue_close_notify(space)
        })
    }

    fn write(
        &mut self,
        output: &mut Vec<u8>,
        space: usize,
        mut write: impl FnMut(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> Result<(), Failed> {
        if !self.is_open {
            return Err(Failed("the handshake is not over".to_owned()));
        }
        loop {
            // The kept bytes have no complete record, so this reads nothing.
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut self.rest);
            match state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return append(output, space, |space| match write(&mut traffic, space) {
                        Ok(len) => Ok(Ok(len)),
                        Err(EncryptError::InsufficientSize(size)) => Ok(Err(size)),
                        Err(err) => Err(Failed(err.to_string())),
                    });
                }
                ConnectionState::EncodeTlsData(data) => encode(data, output)?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                _ => return Err(Failed("the session has ended".to_owned())),
            }
            self.rest.drain(..discard);
        }
    }

    /// Appends the alert that gives the peer the reason.
    fn alert(&mut self, output: &mut Vec<u8>) -> Result<(), Failed> {
        while self.tls.wants_write() {
            let UnbufferedStatus { state, .. } = self.tls.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(data)) = state else {
                return Ok(());
            };
            encode(data, output)?;
        }
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), Failed> {
        if TLS_REST_BYTES_MAX < rest.len() {
            return Err(Failed("a handshake message is too long".to_owned()));
        }
        self.rest = rest.to_vec();
        Ok(())
    }
}

impl From<rustls::Error> for Failed {
    fn from(err: rustls::Error) -> Self {
        Self(err.to_string())
    }
}

fn encode(
    mut data: EncodeTlsData<'_, ServerConnectionData>,
    output: &mut Vec<u8>,
) -> Result<(), Failed> {
    append(output, RECORD_OVERHEAD, |space| match data.encode(space) {
        Ok(len) => Ok(Ok(len)),
        Err(EncodeError::InsufficientSize(size)) => Ok(Err(size)),
        Err(err) => Err(Failed(err.to_string())),
    })
}

/// Appends what `write` writes into this much space, or into as much as it asks for.
fn append(
    output: &mut Vec<u8>,
    mut space: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, InsufficientSizeError>, Failed>,
) -> Result<(), Failed> {
    let begin = output.len();
    loop {
        output.resize(begin + space, 0);
        let written = write(&mut output[begin..]);
        match written {
            Ok(Ok(len)) => {
                output.truncate(begin + len);
                return Ok(());
            }
            Ok(Err(size)) if space < size.required_size => space = size.required_size,
            Ok(Err(size)) => {
                output.truncate(begin);
                return Err(Failed(format!(
                    "{} bytes are not enough",
                    size.required_size
                )));
            }
            Err(failed) => {
                output.truncate(begin);
                return Err(failed);
            }
        }
    }
}

/// Maximum overhead of a record: a header, a nonce (RFC 5246 section 6.2.3.3) or a type (RFC 8446
/// section 5.2), and a tag.
const RECORD_OVERHEAD: usize = 64;
