//! Clients that are not ours: `openssl s_client`, curl, and Python's `ssl`.

use std::net::SocketAddr;
use std::process::Output;

use corecast::tls::ClientAuth;
use corecast::{Listener, Server};

use crate::support::server::{ANY, Running};
use crate::support::tls::Authority;
use crate::support::tools::{run, text, tool};

/// Two certificates, and optional ones for clients.
struct Scene {
    server: Running,
    authority: Authority,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("authority");
        authority.sign("first", "first host", &["localhost"]);
        authority.sign("second", "second host", &["*.second.test"]);
        authority.sign("device", "device-7", &[]);
        let authorities = authority.path("ca.pem");
        let tls = authority
            .settings("first")
            .certificate(authority.path("second.pem"), authority.path("second.key"))
            .client_auth(ClientAuth::Optional { authorities });
        let builder = Server::builder()
            .shards(2)
            .pin(false)
            .listen(Listener::http(ANY).tls(tls.clone()))
            .listen(Listener::tcp(ANY, "lobby").tls(tls));
        Self {
            server: Running::start(builder),
            authority,
        }
    }

    fn https(&self) -> SocketAddr {
        self.server.http()
    }

    fn path(&self, file: &str) -> String {
        self.authority.path(file).display().to_string()
    }

    /// Asks `openssl s_client` for a page; what it tells.
    fn s_client(&self, args: &[&str]) -> Option<String> {
        let mut command = tool("openssl")?;
        let addr = self.https().to_string();
        let authority = self.path("ca.pem");
        command.args(["s_client", "-ign_eof", "-connect", &addr]);
        command.args(["-CAfile", &authority, "-verify_return_error"]);
        command.args(args);
        let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let output = run(&mut command, request);
        let told = text(&output);
        assert!(output.status.success(), "{told}");
        assert!(told.contains("Verify return code: 0 (ok)"), "{told}");
        assert!(told.contains("HTTP/1.1 200 OK"), "{told}");
        Some(told)
    }

    fn curl(&self, args: &[&str]) -> Option<Output> {
        let mut command = tool("curl")?;
        let port = self.https().port();
        command.args(["--silent", "--show-error", "--fail", "--max-time", "30"]);
        command.args(["--resolve", &format!("localhost:{port}:127.0.0.1")]);
        command.args(args).arg(format!("https://localhost:{port}/"));
        Some(run(&mut command, ""))
    }
}

#[test]
fn openssl_speaks_both_versions() {
    let scene = Scene::new();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let Some(told) = scene.s_client(&[flag]) else {
            return;
        };
        assert!(told.contains(&format!("New, {version}, ")), "{told}");
    }
}

#[test]
fn openssl_gets_the_certificate_of_the_name_it_asks_for() {
    let scene = Scene::new();
    for (host, subject) in [
        ("localhost", "first host"),
        ("any.second.test", "second host"),
        ("unknown.test", "first host"),
    ] {
        let Some(told) = scene.s_client(&["-servername", host]) else {
            return;
        };
        assert!(told.contains(&format!("subject=CN = {subject}")), "{told}");
    }
}

#[test]
fn openssl_shows_a_certificate() {
    let scene = Scene::new();
    for flag in ["-tls1_2", "-tls1_3"] {
        let (certificate, key) = (scene.path("device.pem"), scene.path("device.key"));
        let told = scene.s_client(&[flag, "-cert", &certificate, "-key", &key]);
        let Some(told) = told else { return };
        assert!(
            told.contains("Acceptable client certificate CA names"),
            "{told}"
        );
    }
}

#[test]
fn openssl_comes_back_with_its_ticket() {
    let scene = Scene::new();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let ticket = scene.path("ticket.pem");
        if scene.s_client(&[flag, "-sess_out", &ticket]).is_none() {
            return;
        }
        let told = scene.s_client(&[flag, "-sess_in", &ticket]).unwrap();
        assert!(told.contains(&format!("Reused, {version}, ")), "{told}");
    }
}

#[test]
fn curl_gets_the_page() {
    let scene = Scene::new();
    let authority = scene.path("ca.pem");
    for versions in ["1.2", "1.3"] {
        let args = ["--cacert", &authority, "--tls-max", versions, "--verbose"];
        let Some(output) = scene.curl(&args) else {
            return;
        };
        let told = text(&output);
        assert!(output.status.success(), "{told}");
        assert!(told.contains("</html>"), "{told}");
        assert!(told.contains("server accepted http/1.1"), "{told}");
    }
    // Without the authority it does not trust the server.
    let refused = scene.curl(&[]).unwrap();
    assert_eq!(refused.status.code(), Some(60), "{}", text(&refused));
}

#[test]
fn python_talks_on_the_tcp_port() {
    let scene = Scene::new();
    let Some(mut command) = tool("python3") else {
        return;
    };
    let port = scene.server.tcp().port().to_string();
    let authority = scene.path("ca.pem");
    command.args(["-c", PYTHON, &port, &authority]);
    let output = run(&mut command, "");
    assert!(output.status.success(), "{}", text(&output));
}

/// Publishes with each version and gets it back. Then it says goodbye and waits to hear the same,
/// which before TLS 1.3 it must.
const PYTHON: &str = r"
import socket, ssl, struct, sys

port, authority = int(sys.argv[1]), sys.argv[2]

def read(tls, length):
    data = b''
    while len(data) < length:
        more = tls.recv(length - len(data))
        assert more, 'closed'
        data += more
    return data

def frame(tls):
    return read(tls, struct.unpack('>I', read(tls, 4))[0])

for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(('127.0.0.1', port), timeout=30) as plain:
        tls = context.wrap_socket(plain, server_hostname='localhost')
        assert frame(tls) == b'', 'a greeting'
        for message in b'hello', bytes(100_000):
            tls.sendall(struct.pack('>I', len(message)) + message)
            assert frame(tls) == message, 'it comes back'
        if version == ssl.TLSVersion.TLSv1_2:
            tls.unwrap()
";
