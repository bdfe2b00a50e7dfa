//! Runs over TLS: the look before them, and the load.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::path::PathBuf;
use std::{env, fs, process, thread};

use crate::run::{Corecast, passes, refused, shown};

/// A server with TLS on both its listeners, and the folder of its files.
struct Secured {
    corecast: Corecast,
    folder: PathBuf,
}

impl Secured {
    fn start() -> Self {
        let folder = env::temp_dir().join(format!("scenarios-tls-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).unwrap();
        let [chain, key, config] = ["chain.pem", "key.pem", "tls.toml"].map(|it| folder.join(it));
        fs::write(&chain, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let listener = |protocol: &str| {
            format!(
                "[[listener]]\nprotocol = {protocol:?}\naddress = \"127.0.0.1:0\"\n\
                 tls_chain = [{chain:?}]\ntls_key = [{key:?}]\n"
            )
        };
        let listeners = listener("http") + &listener("length-prefix");
        fs::write(&config, listeners).unwrap();
        let corecast = Corecast::start(&format!("--config {}", config.display()));
        Self { corecast, folder }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn a_look_is_taken_over_tls_as_well() {
    let server = Secured::start();
    let Corecast { http, tcp, .. } = &server.corecast;
    passes(&format!(
        "fanout --url wss://{http}/sub/{{topic}} -n 5 -m 5"
    ));
    passes(&format!("fanout --url tcps://{tcp} -n 5 -m 5"));
    let said = |url: &str| shown(&refused(&format!("fanout --url {url} -n 5 -m 5")));
    let missing = said(&format!("wss://{http}/nowhere"));
    assert!(
        missing.contains("before the run") && missing.contains("404"),
        "{missing}"
    );
    let plain = Corecast::start("--http 127.0.0.1:0");
    let no_tls = said(&format!("tcps://{}", plain.tcp));
    assert!(no_tls.contains("does not speak TLS"), "{no_tls}");
}

/// A server that takes so many bytes of a connection, says nothing, and closes it.
fn mute(len: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut room = vec![0; len];
        if socket.read(&mut room).unwrap() == len {
            // The rest is not read: a reset.
            return;
        }
        socket.shutdown(Shutdown::Write).unwrap();
        while socket.read(&mut room).is_ok_and(|n| n != 0) {}
    });
    address
}

#[test]
fn a_port_that_closes_on_a_handshake_is_said_to_speak_something_else() {
    for len in [1, 1 << 16] {
        for protocol in ["wss", "tcps"] {
            let url = format!("{protocol}://{}", mute(len));
            let said = shown(&refused(&format!("fanout --url {url} -n 5 -m 5")));
            assert!(said.contains("is the protocol right?"), "{said}");
        }
    }
}
