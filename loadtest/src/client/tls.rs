//! TLS as a client: the session of one connection, between its socket and its bytes.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

pub(crate) struct Session {
    conn: ClientConnection,
}

/// What all sessions of a run have in common. Every certificate will do: what is measured is how
/// fast a server is, not which server it is.
///
/// # Errors
///
/// The cryptography has no protocol in common with this version of the library.
pub(crate) fn config() -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Anyone(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl Session {
    /// A session with this host that has said nothing yet.
    ///
    /// # Errors
    ///
    /// As the library.
    pub(crate) fn new(config: &Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Error::UnsupportedNameType)?;
        let mut conn = ClientConnection::new(Arc::clone(config), name)?;
        // What a connection sends is bounded by the run itself.
        conn.set_buffer_limit(None);
        Ok(Self { conn })
    }

    /// Takes all of `bytes`, and sends what the socket takes of them.
    pub(crate) fn send(&mut self, fd: &OwnedFd, bytes: &[u8]) -> usize {
        // Into memory, which has no limit.
        drop(self.conn.writer().write_all(bytes));
        self.flush(fd);
        bytes.len()
    }

    /// Goes on with what the socket did not take. A connection that fails is found out by reading.
    pub(crate) fn flush(&mut self, fd: &OwnedFd) {
        let mut socket = Socket(fd.as_fd());
        while self.conn.wants_write() {
            if self.conn.write_tls(&mut socket).is_err() {
                return;
            }
        }
    }

    /// Fills the front of `space` with bytes of the server; 0 at their end.
    ///
    /// # Errors
    ///
    /// As recv(2): `EAGAIN` when there are none now. What is wrong with TLS is `EPROTO`.
    pub(crate) fn recv(&mut self, fd: &OwnedFd, space: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match self.conn.reader().read(space) {
                Ok(len) => return Ok(len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Ok(0),
            }
            match self.conn.read_tls(&mut Socket(fd.as_fd())) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(error) => {
                    return Err(Errno::from_io_error(&error).unwrap_or(Errno::PROTO));
                }
            }
            let processed = self.conn.process_new_packets();
            // Of the handshake, or the alert that says what was wrong.
            self.flush(fd);
            processed.map_err(|_| Errno::PROTO)?;
        }
    }
}

struct Socket<'fd>(BorrowedFd<'fd>);

impl Read for Socket<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.0, space, RecvFlags::DONTWAIT)?.0)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(
            self.0,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes every certificate, and has signatures checked all the same: they are part of the cost.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
