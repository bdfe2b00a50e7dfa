//! The session against rustls's own client, in memory.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;

use corecast::internals::Rng;
use corecast::tls::{ClientAuth, Failed, Keys, Progress, Session};

use crate::support::tls::{Authority, EACH, client, keys};

/// The server's side of a test: what it has heard and has to say.
pub(crate) struct Served {
    session: Session,
    heard: Vec<u8>,
    output: Vec<u8>,
    closed: bool,
}

impl Served {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self {
            session: Session::new(keys).unwrap(),
            heard: Vec::new(),
            output: Vec::new(),
            closed: false,
        }
    }

    /// Has something to say.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.session.seal(bytes, &mut self.output).unwrap();
    }

    pub(crate) fn into_session(self) -> Session {
        self.session
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Progress, Failed> {
        let mut input = self.session.rest().to_vec();
        input.extend_from_slice(bytes);
        let Self {
            session,
            heard,
            output,
            closed,
        } = self;
        let progress = session.receive(&mut input, heard, output)?;
        *closed |= progress.closed;
        Ok(progress)
    }
}

fn said(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Hands the client bytes, and returns what it makes of them.
fn hear(client: &mut ClientConnection, mut bytes: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !bytes.is_empty() {
        client.read_tls(&mut bytes).unwrap();
        client.process_new_packets().unwrap();
        let _blocked = client.reader().read_to_end(&mut heard);
    }
    heard
}

/// Passes bytes both ways in pieces of `size` until neither has more.
pub(crate) fn talk(
    client: &mut ClientConnection,
    served: &mut Served,
    size: usize,
) -> Result<Vec<u8>, Failed> {
    let mut heard = Vec::new();
    loop {
        let up = said(client);
        let down = std::mem::take(&mut served.output);
        if up.is_empty() && down.is_empty() {
            return Ok(heard);
        }
        for piece in down.chunks(size) {
            heard.extend(hear(client, piece));
        }
        for piece in up.chunks(size) {
            served.take(piece)?;
        }
    }
}

fn connected(size: usize, versions: usize) -> (ClientConnection, Served) {
    let authority = Authority::new("connected");
    authority.sign("host", "host", &["localhost"]);
    let keys = keys(&authority.settings("host"));
    let config = Arc::new(authority.trusting(EACH[versions], None));
    let mut client = client(&config, "localhost");
    let mut served = Served::new(&keys);
    talk(&mut client, &mut served, size).unwrap();
    assert!(served.session.is_open());
    (client, served)
}

#[test]
fn every_cut_gives_the_same() {
    for versions in 0..EACH.len() {
        for size in [1, 2, 3, 7, 64, 1_000, usize::MAX] {
            let (mut client, mut served) = connected(size, versions);
            client.writer().write_all(b"from the client").unwrap();
            served
                .session
                .seal(b"from the server", &mut served.output)
                .unwrap();
            let heard = talk(&mut client, &mut served, size).unwrap();
            assert_eq!(heard, b"from the server");
            assert_eq!(served.heard, b"from the client");
            assert!(served.session.rest().is_empty(), "nothing is kept");
        }
    }
}

#[test]
fn long_messages_go_both_ways_while_records_are_incomplete() {
    let mut rng = Rng::new(7);
    for versions in 0..EACH.len() {
        let (mut client, mut served) = connected(usize::MAX, versions);
        let long: Vec<u8> = (0..200_000).map(|_| rng.byte()).collect();
        client.set_buffer_limit(None);
        client.writer().write_all(&long).unwrap();
        let up = said(&mut client);
        let mut at = 0;
        let mut heard = Vec::new();
        let mut sent = 0;
        while at < up.len() {
            let end = up.len().min(at + 1 + rng.below(20_000));
            served.take(&up[at..end]).unwrap();
            at = end;
            // In the midst of the other's record.
            let next = long.len().min(sent + rng.below(16_384));
            served
                .session
                .seal(&long[sent..next], &mut served.output)
                .unwrap();
            sent = next;
            let down = std::mem::take(&mut served.output);
            heard.extend(hear(&mut client, &down));
        }
        served
            .session
            .seal(&long[sent..], &mut served.output)
            .unwrap();
        let down = std::mem::take(&mut served.output);
        heard.extend(hear(&mut client, &down));
        assert!(served.heard == long && heard == long);
    }
}

#[test]
fn a_close_is_announced_in_both_directions() {
    for versions in 0..EACH.len() {
        let (mut client, mut served) = connected(usize::MAX, versions);
        client.writer().write_all(b"bye").unwrap();
        client.send_close_notify();
        let up = said(&mut client);
        let (last, before) = up.split_last().unwrap();
        assert!(!served.take(before).unwrap().closed);
        assert!(served.take(&[*last]).unwrap().closed);
        assert_eq!(served.heard, b"bye");
        // Its own side is open still.
        served.session.seal(b"and bye", &mut served.output).unwrap();
        served.session.close(&mut served.output).unwrap();
        assert_eq!(hear(&mut client, &served.output), b"and bye");
        let mut end = [0];
        assert_eq!(client.reader().read(&mut end).unwrap(), 0, "a clean end");
        assert!(served.session.seal(b"more", &mut served.output).is_err());
    }
}

#[test]
fn nothing_is_sealed_before_the_handshake_is_over() {
    let authority = Authority::new("early");
    authority.sign("host", "host", &["localhost"]);
    let config = Arc::new(authority.trusting(EACH[0], None));
    let mut client = client(&config, "localhost");
    let mut served = Served::new(&keys(&authority.settings("host")));
    assert!(served.session.seal(b"early", &mut Vec::new()).is_err());
    served.take(&said(&mut client)).unwrap();
    // It could send by now (RFC 8446 section 4.4.4), but knows nothing of the client.
    assert!(served.session.seal(b"early", &mut Vec::new()).is_err());
}

#[test]
fn what_is_no_tls_gets_an_alert() {
    let authority = Authority::new("plain");
    authority.sign("host", "host", &["localhost"]);
    let mut served = Served::new(&keys(&authority.settings("host")));
    assert!(
        served
            .take(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .is_err()
    );
    assert_eq!(served.output[..3], [21, 3, 3], "a fatal alert");
    assert_eq!(served.output[5], 2);
}

#[test]
fn no_bytes_make_it_panic_or_keep_much() {
    let authority = Authority::new("noise");
    authority.sign("host", "host", &["localhost"]);
    let keys = keys(&authority.settings("host"));
    let config = Arc::new(authority.trusting(EACH[0], None));
    let mut rng = Rng::new(11);
    for _ in 0..300 {
        let mut hello = said(&mut client(&config, "localhost"));
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(hello.len());
            hello[at] = rng.byte();
        }
        let mut served = Served::new(&keys);
        for piece in hello.chunks(1 + rng.below(hello.len())) {
            if served.take(piece).is_err() {
                break;
            }
        }
        let (mut client, mut served) = (client(&config, "localhost"), Served::new(&keys));
        talk(&mut client, &mut served, usize::MAX).unwrap();
        client.writer().write_all(&[7; 300]).unwrap();
        let mut record = said(&mut client);
        let at = rng.below(record.len());
        record[at] ^= 1 << rng.below(8);
        let _broken = served.take(&record);
        assert!(served.heard.is_empty() || served.heard == [7; 300]);
    }
}

#[test]
fn an_endless_handshake_message_is_refused() {
    let authority = Authority::new("endless");
    authority.sign("host", "host", &["localhost"]);
    let mut served = Served::new(&keys(&authority.settings("host")));
    // A ClientHello that is announced with 60,000 bytes, in records of 1,000.
    let mut came = 0;
    let mut body = vec![1, 0, 0xEA, 0x60];
    loop {
        body.resize(1_000, 0);
        let mut record = vec![22, 3, 1, 3, 0xE8];
        record.append(&mut body);
        came += record.len();
        assert!(came < 80_000, "still taken");
        if served.take(&record).is_err() {
            break;
        }
    }
}

#[test]
fn a_client_certificate_names_the_connection() {
    let authority = Authority::new("clients");
    authority.sign("host", "host", &["localhost"]);
    authority.sign("device", "device 7, Berlin", &[]);
    let stranger = Authority::new("strangers");
    stranger.sign("device", "device 7", &[]);
    let authorities = authority.path("ca.pem");
    let auth = ClientAuth::Required { authorities };
    let required = keys(&authority.settings("host").client_auth(auth));
    let authorities = authority.path("ca.pem");
    let auth = ClientAuth::Optional { authorities };
    let optional = keys(&authority.settings("host").client_auth(auth));
    let try_it = |keys: &Keys, config| {
        let mut client = client(&Arc::new(config), "localhost");
        let mut served = Served::new(keys);
        talk(&mut client, &mut served, 100)?;
        assert!(served.session.is_open());
        Ok::<_, Failed>(served.session.identity())
    };
    for versions in EACH {
        let known = || authority.trusting(versions, Some("device"));
        let none = || authority.trusting(versions, None);
        let name = Some(r"CN=device 7\, Berlin".to_owned());
        assert_eq!(try_it(&required, known()), Ok(name.clone()));
        assert_eq!(try_it(&optional, known()), Ok(name));
        assert_eq!(try_it(&optional, none()), Ok(None));
        assert!(try_it(&required, none()).is_err());
        let mut wrong = none();
        wrong.client_auth_cert_resolver = stranger
            .trusting(versions, Some("device"))
            .client_auth_cert_resolver;
        assert!(try_it(&required, wrong.clone()).is_err());
        assert!(try_it(&optional, wrong).is_err());
    }
}
