//! A client's session in memory, over a wire that takes and gives as it likes.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use corecast::tls::{DialKeys, DialSession, DialSettings, TlsFault};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

use crate::support::tls::{Authority, EACH};

/// A wire with a server's session at its other end.
struct Wire {
    server: ServerConnection,
    /// How much it takes, and gives, at a time; in between it blocks once.
    piece: usize,
    to_client: Vec<u8>,
    blocks_read: bool,
    blocks_write: bool,
    never_blocks: bool,
    /// Bytes that came to the server.
    heard: Vec<u8>,
    has_ended: bool,
}

impl Wire {
    fn new(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        piece: usize,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_file(authority.path("host.key")).unwrap();
        let chain = CertificateDer::pem_file_iter(authority.path("host.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        server.set_buffer_limit(None);
        Self {
            server,
            piece,
            to_client: Vec::new(),
            blocks_read: true,
            blocks_write: true,
            never_blocks: false,
            heard: Vec::new(),
            has_ended: false,
        }
    }

    /// The server takes what has come, and says what it has to say.
    fn work(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(n) = self.server.reader().read(&mut buffer)
            && n != 0
        {
            self.heard.extend_from_slice(&buffer[..n]);
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.to_client).unwrap();
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.work();
        self.blocks_read = !self.blocks_read;
        if self.to_client.is_empty() && self.has_ended {
            return Ok(0);
        }
        if self.blocks_read && !self.never_blocks || self.to_client.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.piece.min(buffer.len()).min(self.to_client.len());
        buffer[..n].copy_from_slice(&self.to_client[..n]);
        self.to_client.drain(..n);
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.blocks_write = !self.blocks_write;
        if self.blocks_write {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.piece.min(bytes.len());
        let n = self.server.read_tls(&mut &bytes[..n]).unwrap();
        // What is wrong is said to the client.
        let _failed = self.server.process_new_packets();
        self.work();
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn session(authority: &Authority, host: &str) -> DialSession {
    let mut settings = DialSettings::default();
    settings.add_authorities(authority.path("ca.pem"));
    DialSession::new(&DialKeys::load(&settings, host, &[]).unwrap()).unwrap()
}

fn authority() -> Authority {
    let authority = Authority::new("authority");
    authority.sign("host", "host", &["localhost"]);
    authority
}

/// One step in each direction; what came is appended. `Err` is the end.
fn step(
    session: &mut DialSession,
    wire: &mut Wire,
    said: &mut &[u8],
    came: &mut Vec<u8>,
) -> io::Result<()> {
    if session.may_write(!said.is_empty()) {
        match session.write(wire, said) {
            Ok(n) => *said = &said[n..],
            Err(err) => assert_eq!(err.kind(), ErrorKind::WouldBlock, "{err}"),
        }
    }
    let mut buffer = [0; 5_000];
    match session.read(wire, &mut buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(n) => {
            came.extend_from_slice(&buffer[..n]);
            Ok(())
        }
        Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
        Err(err) => Err(err),
    }
}

/// More than any exchange here takes.
const STEPS_MAX: usize = 2_000_000;

#[test]
fn what_was_taken_has_been_taken_by_the_wire() {
    let authority = authority();
    let said: Vec<u8> = (0..=u8::MAX).cycle().take(150_000).collect();
    for versions in EACH {
        for piece in [1, 2, 3, 5, 6, 100, 4_096, 1 << 20] {
            let said = if piece < 100 { &said[..3_000] } else { &said };
            let mut wire = Wire::new(&authority, versions, piece);
            let mut session = session(&authority, "localhost");
            wire.server.writer().write_all(said).unwrap();
            let (mut rest, mut came) = (said, Vec::new());
            for _ in 0..STEPS_MAX {
                step(&mut session, &mut wire, &mut rest, &mut came).unwrap();
                let told = said.len() - rest.len();
                assert!(told <= wire.heard.len(), "not before the server has it");
                if rest.is_empty() && came.len() == said.len() {
                    break;
                }
            }
            assert!(wire.heard == said && came == said, "pieces of {piece}");
            assert!(!session.may_write(false));

            wire.server.send_close_notify();
            let mut nothing = &[][..];
            let end = (0..STEPS_MAX)
                .find_map(|_| step(&mut session, &mut wire, &mut nothing, &mut came).err());
            assert_eq!(end.unwrap().kind(), ErrorKind::UnexpectedEof);
            assert_eq!(session.read(&mut wire, &mut [0]).unwrap(), 0, "a clean end");
        }
    }
}

#[test]
fn after_a_close_the_server_has_what_was_counted_and_nothing_else() {
    let authority = authority();
    let said = vec![7; 50_000];
    for versions in EACH {
        // A crumb of a record, most of one, more than one; and all of it, at the second try.
        for piece in [5, 10_000, 20_000, 1 << 20] {
            let mut has_sealed = false;
            for steps in 1..20 {
                let mut wire = Wire::new(&authority, versions, 1 << 20);
                let mut session = session(&authority, "localhost");
                let mut came = Vec::new();
                while wire.server.is_handshaking() || session.may_write(false) {
                    step(&mut session, &mut wire, &mut &[][..], &mut came).unwrap();
                }
                // So that there is something to read as well.
                wire.server.writer().write_all(&said).unwrap();
                wire.piece = piece;
                let mut rest = &*said;
                for _ in 0..steps {
                    step(&mut session, &mut wire, &mut rest, &mut came).unwrap();
                }
                has_sealed |= session.may_write(false);
                // Room again, at the wrong moment.
                wire.piece = 1 << 20;
                wire.blocks_write = true;
                session.close(&mut wire);
                let told = said.len() - rest.len();
                assert_eq!(wire.heard.len(), told, "{steps} steps of {piece}");
            }
            assert!(has_sealed, "pieces of {piece}");
        }
    }
}

/// How the first exchange fails.
fn failure(session: &mut DialSession, wire: &mut Wire) -> io::Error {
    let (mut said, mut came) = (&b"secret"[..], Vec::new());
    let failed = (0..STEPS_MAX).find_map(|_| step(session, wire, &mut said, &mut came).err());
    assert_eq!((said, &*wire.heard), (&b"secret"[..], &b""[..]));
    failed.expect("it fails")
}

#[test]
fn an_end_without_close_notify_is_an_error_at_every_cut() {
    let authority = authority();
    for versions in EACH {
        let mut whole = Wire::new(&authority, versions, usize::MAX);
        let mut dialed = session(&authority, "localhost");
        // The server's first flight.
        for _ in 0..4 {
            let _later = dialed.write(&mut whole, b"");
        }
        let flight = whole.to_client.clone();
        assert!(!flight.is_empty());
        for cut in 0..flight.len() {
            let mut wire = Wire::new(&authority, versions, usize::MAX);
            let mut dialed = session(&authority, "localhost");
            for _ in 0..4 {
                let _later = dialed.write(&mut wire, b"");
            }
            wire.to_client.truncate(cut);
            wire.has_ended = true;
            let failed = failure(&mut dialed, &mut wire);
            assert_eq!(failed.kind(), ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }
}

#[test]
fn nothing_is_sent_to_an_untrusted_server() {
    let (authority, other) = (authority(), Authority::new("other"));
    for versions in EACH {
        for (session, expected) in [
            (session(&other, "localhost"), TlsFault::Authority),
            (session(&authority, "elsewhere"), TlsFault::Name),
            (session(&authority, "127.0.0.1"), TlsFault::Name),
        ] {
            let (mut session, mut wire) = (session, Wire::new(&authority, versions, 1_000));
            let failed = failure(&mut session, &mut wire);
            assert_eq!(failed.downcast::<TlsFault>().unwrap(), expected);
        }
    }
}

#[test]
fn a_server_without_tls_is_reported() {
    let authority = authority();
    let mut wire = Wire::new(&authority, EACH[0], 1_000);
    let mut session = session(&authority, "localhost");
    wire.to_client = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let mut buffer = [0; 100];
    let failed = (0..STEPS_MAX).find_map(|_| {
        let read = session.read(&mut wire, &mut buffer);
        read.err().filter(|err| err.kind() != ErrorKind::WouldBlock)
    });
    let failed = failed.unwrap().downcast::<TlsFault>();
    assert_eq!(failed.unwrap(), TlsFault::Nonsense);
}

#[test]
fn a_record_in_small_pieces_delays_no_call() {
    let authority = authority();
    let mut wire = Wire::new(&authority, EACH[0], 1 << 20);
    let mut session = session(&authority, "localhost");
    let mut came = Vec::new();
    while wire.server.is_handshaking() || session.may_write(false) {
        step(&mut session, &mut wire, &mut &[][..], &mut came).unwrap();
    }
    wire.server.writer().write_all(&[7; 10_000]).unwrap();
    wire.work();
    wire.piece = 1;
    wire.never_blocks = true;
    let read = session.read(&mut wire, &mut [0; 100]);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
    while came.len() < 10_000 {
        step(&mut session, &mut wire, &mut &[][..], &mut came).unwrap();
    }
}
