//! Runs over TLS: the look before them, and the load.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::thread;

use crate::run::{Folder, Server, passes, says};

/// A server with TLS on both its listeners.
fn secured(folder: &Folder) -> Server {
    let made = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).unwrap();
    let chain = folder.write("chain.pem", &made.cert.pem());
    let key = folder.write("key.pem", &made.signing_key.serialize_pem());
    let listener = |protocol: &str| {
        format!(
            "[[listener]]\nprotocol = {protocol:?}\naddress = \"127.0.0.1:0\"\n\
             tls_chain = [{chain:?}]\ntls_key = [{key:?}]\n"
        )
    };
    let listeners = listener("http") + &listener("length-prefix");
    Server::corecast(&format!(
        "--config {}",
        folder.write("tls.toml", &listeners)
    ))
}

#[test]
fn a_look_is_taken_over_tls_as_well() {
    let folder = Folder::new();
    let server = secured(&folder);
    let fanout = |url: &str| server.words(&format!("fanout --url {url} -n 5 -m 5"));
    passes(&fanout("wss://@http/sub/{topic}"));
    passes(&fanout("tcps://@tcp"));
    let missing = says(1, &fanout("wss://@http/nowhere"));
    assert!(
        missing.contains("before the run") && missing.contains("404"),
        "{missing}"
    );
    let plain = Server::corecast("--http 127.0.0.1:0");
    let no_tls = says(1, &plain.words("fanout --url tcps://@tcp -n 5 -m 5"));
    assert!(no_tls.contains("does not speak TLS"), "{no_tls}");
}

/// A server that takes so many bytes of a connection, says nothing, and closes it.
fn mute(len: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut bytes = vec![0; len];
        if socket.read(&mut bytes).unwrap() == len {
            // The rest is not read: a reset.
            return;
        }
        socket.shutdown(Shutdown::Write).unwrap();
        while socket.read(&mut bytes).is_ok_and(|n| n != 0) {}
    });
    address
}

#[test]
fn a_port_that_closes_on_a_handshake_is_said_to_speak_something_else() {
    for len in [1, 1 << 16] {
        for protocol in ["wss", "tcps"] {
            let url = format!("{protocol}://{}", mute(len));
            let said = says(1, &format!("fanout --url {url} -n 5 -m 5"));
            assert!(said.contains("is the protocol right?"), "{said}");
        }
    }
}
