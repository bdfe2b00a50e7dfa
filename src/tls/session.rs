//! One connection's TLS: bytes of the socket in, bytes for the socket out, no socket.
//!
//! The session owns no buffer while nothing is under way: it works in the buffers of the shard,
//! and keeps only the front of an incomplete record.

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
    /// What came and is no complete record or handshake message yet.
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
    /// A session that waits for its client's first words.
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

    /// Whether a ticket spared most of the handshake.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether a client that has closed its side may still listen: before TLS 1.3 the other side
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

    /// What was kept of the bytes that came, before which new ones make sense; at most
    /// [`TLS_REST_BYTES_MAX`].
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// Takes what was kept, the [`rest`](Self::rest), with what came after it.
    ///
    /// Appends to `plaintext` what the client says, which is less than `input`, and to `output`
    /// what is to be sent.
    ///
    /// # Errors
    ///
    /// The peer broke the rules. `output` tells it so, and nothing is to go after that.
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

    /// Appends records with `plaintext` to `output`. Not before the handshake is over.
    ///
    /// # Errors
    ///
    /// The session has ended, or its keys are used up (RFC 8446 section 5.5).
    pub fn seal(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<(), Failed> {
        self.write(
            output,
            plaintext.len() + RECORD_OVERHEAD,
            |traffic, room| traffic.encrypt(plaintext, room),
        )
    }

    /// Appends the word that nothing will come any more (RFC 8446 section 6.1).
    ///
    /// # Errors
    ///
    /// The session has ended.
    pub fn close(&mut self, output: &mut Vec<u8>) -> Result<(), Failed> {
        self.write(output, RECORD_OVERHEAD, |traffic, room| {
            traffic.queue_close_notify(room)
        })
    }

    fn write(
        &mut self,
        output: &mut Vec<u8>,
        room: usize,
        mut write: impl FnMut(
            &mut WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> Result<(), Failed> {
        if !self.is_open {
            return Err(Failed("the handshake is not over".to_owned()));
        }
        loop {
            // There is no complete record in what is kept, so this reads nothing.
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut self.rest);
            match state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return append(output, room, |room| match write(&mut traffic, room) {
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

    /// Appends what tells the peer why there is nothing more to say.
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
    append(output, RECORD_OVERHEAD, |room| match data.encode(room) {
        Ok(len) => Ok(Ok(len)),
        Err(EncodeError::InsufficientSize(size)) => Ok(Err(size)),
        Err(err) => Err(Failed(err.to_string())),
    })
}

/// Appends what `write` writes into so much room, or into as much as it asks for.
fn append(
    output: &mut Vec<u8>,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, InsufficientSizeError>, Failed>,
) -> Result<(), Failed> {
    let begin = output.len();
    loop {
        output.resize(begin + room, 0);
        let written = write(&mut output[begin..]);
        match written {
            Ok(Ok(len)) => {
                output.truncate(begin + len);
                return Ok(());
            }
            Ok(Err(size)) if room < size.required_size => room = size.required_size,
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

/// What a record has beside its plaintext, at most: a header, a nonce (RFC 5246 section 6.2.3.3)
/// or a type (RFC 8446 section 5.2), and a tag.
const RECORD_OVERHEAD: usize = 64;
