//! The program with every kind of listener, and its credentials.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use corecast::auth::{Denial, create};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use rustls::ClientConfig;

use super::attempt::Attempt;
use super::{Answer, Fault, Listener, Place};
use crate::admin::scrape;
use crate::support::metrics::Samples;
use crate::support::program::Program;
use crate::support::socket::{dial, dial_path};
use crate::support::tls::{Authority, EACH};
use crate::support::wait::wait_until;

pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// Its hash is in the configuration, as that of the other.
const KEY: &str = "key-that-may";
const OTHER_KEY: &str = "key-that-may-not";

/// The program, with the listeners of the table.
pub(super) struct Scene {
    _program: Program,
    folder: Authority,
    http: SocketAddr,
    https: SocketAddr,
    framed: [SocketAddr; 3],
    tls_token: SocketAddr,
    tls: SocketAddr,
    admin: SocketAddr,
    clients: Vec<(Option<&'static str>, Arc<ClientConfig>)>,
}

impl Scene {
    pub(super) fn start() -> Self {
        let folder = Authority::new("authority");
        let clients = certificates(&folder);
        let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        fs::write(folder.path("rsa.pem"), rsa.public_key_pem()).unwrap();
        let path = |file: &str| folder.path(file).display().to_string();
        let tls = format!(
            "tls_chain = [{:?}]\ntls_key = [{:?}]\n",
            path("host.pem"),
            path("host.key")
        );
        let mutual = format!(
            "{tls}tls_client_auth = \"optional\"\ntls_client_ca = {:?}\n",
            path("ca.pem")
        );
        let listener = |protocol: &str, address: &str, more: &str| {
            format!("[[listener]]\nprotocol = {protocol:?}\naddress = {address:?}\n{more}")
        };
        let unix = |file: &str| format!("unix:{}", path(file));
        let framed = "topic = \"room\"\n";
        let token = "topic = \"room\"\ntoken = true\n";
        let text = [
            CONFIG.to_owned(),
            format!("public_keys = [{:?}]\n", path("rsa.pem")),
            listener("http", ANY, ""),
            listener("http", ANY, &mutual),
            listener("length-prefix", ANY, token),
            listener("varint", ANY, token),
            listener("line", ANY, token),
            listener("length-prefix", ANY, &format!("{token}{tls}")),
            listener("length-prefix", ANY, &format!("{framed}{mutual}")),
            listener("http", &unix("http.sock"), ""),
            listener("length-prefix", &unix("tcp.sock"), token),
        ];
        let config = folder.path("corecast.toml");
        fs::write(&config, text.concat()).unwrap();
        let mut program = Program::run(&["serve", "--config", config.to_str().unwrap()]);
        let mut addr = || {
            let place = program.wait_for("listening ");
            let (_, addr) = place.split_once(' ').unwrap();
            addr.parse().ok()
        };
        let mut next = || addr().unwrap();
        let (http, https) = (next(), next());
        let framed = [next(), next(), next()];
        let (tls_token, tls) = (next(), next());
        let (_, _) = (addr(), addr());
        let admin = addr().unwrap();
        program.wait_for("ready: ");
        Self {
            _program: program,
            folder,
            http,
            https,
            framed,
            tls_token,
            tls,
            admin,
            clients,
        }
    }

    /// The public key of tokens with RSA, as everyone may have it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        fs::read(self.folder.path("rsa.pem")).unwrap()
    }

    /// A socket to a listener; a certificate is asked for where no token is.
    pub(super) fn dial(&self, listener: Listener, place: Place) -> TcpStream {
        let [length_prefix, varint, line] = self.framed;
        match listener {
            Listener::WebSocket | Listener::Events => dial(self.http),
            Listener::WebSocketTls | Listener::EventsTls => dial(self.https),
            Listener::WebSocketUnix => dial_path(&self.folder.path("http.sock")),
            Listener::LengthPrefix => dial(length_prefix),
            Listener::Varint => dial(varint),
            Listener::Line => dial(line),
            Listener::LengthPrefixTls if place == Place::Certificate => dial(self.tls),
            Listener::LengthPrefixTls => dial(self.tls_token),
            Listener::LengthPrefixUnix => dial_path(&self.folder.path("tcp.sock")),
        }
    }

    /// The settings of a client that shows the certificate with this fault, or none.
    pub(super) fn client(&self, place: Place, fault: Fault) -> &Arc<ClientConfig> {
        let file = Some(file_of(fault)).filter(|_| place == Place::Certificate);
        let file = file.flatten();
        let found = self.clients.iter().find(|(name, _)| *name == file);
        &found.unwrap().1
    }

    /// How often clients were denied for each reason, and how many connections are over.
    pub(super) fn denied(&self) -> Samples {
        scrape(self.admin)
    }

    /// Tries a cell, and finds its reason among the counters.
    pub(super) fn answer(&self, attempt: &Attempt, expected: &Answer) -> Answer {
        let before = self.denied();
        let seen = attempt.run(self);
        let Answer::End(_) = seen else {
            return seen;
        };
        // What is counted can be read a moment later.
        let mut found = None;
        let is_denied = matches!(expected, Answer::End(Some(_)));
        wait_until(
            &format!("{:?}: {expected:?} is counted", attempt.listener),
            || {
                let now = self.denied();
                found = Denial::ALL.into_iter().find(|denial| {
                    let name = format!("corecast_denials_total{{reason=\"{}\"}}", denial.label());
                    before[&name] < now[&name]
                });
                found.is_some() == is_denied
            },
        );
        Answer::End(found)
    }
}

/// A token with this fault.
pub(super) fn token(fault: Fault) -> String {
    let secret = if fault == Fault::Wrong {
        b"another secret of 32 bytes......"
    } else {
        SECRET
    };
    create(secret, &claims(fault)).unwrap()
}

/// Its claims.
pub(super) fn claims(fault: Fault) -> String {
    let now = corecast::sys::time_of_day::since_1970().as_secs();
    let user = if fault == Fault::NotPermitted {
        "bob"
    } else {
        "ann"
    };
    let audience = if fault == Fault::Audience {
        "other"
    } else {
        "app"
    };
    let issuer = if fault == Fault::Issuer {
        "other"
    } else {
        "backend"
    };
    let times = match fault {
        Fault::Expired => format!("\"exp\":{}", now - 3_600),
        Fault::NotYetValid => format!("\"nbf\":{},\"exp\":{}", now + 3_600, now + 7_200),
        _ => format!("\"exp\":{}", now + 3_600),
    };
    let id = if fault == Fault::Revoked {
        "stolen"
    } else {
        "valid"
    };
    format!(r#"{{"sub":"{user}","aud":"{audience}","iss":"{issuer}","jti":"{id}",{times}}}"#)
}

/// An API key with this fault.
pub(super) fn key(fault: Fault) -> &'static str {
    match fault {
        Fault::Wrong => "another-key",
        Fault::NotPermitted => OTHER_KEY,
        _ => KEY,
    }
}

/// The file with the certificate of this fault.
fn file_of(fault: Fault) -> Option<&'static str> {
    match fault {
        // A certificate has no id that could be revoked.
        Fault::None | Fault::Revoked => Some("right"),
        Fault::Missing => None,
        Fault::Wrong => Some("wrong"),
        Fault::Expired => Some("expired"),
        Fault::NotYetValid => Some("early"),
        Fault::Audience => Some("server"),
        Fault::Issuer => Some("issuer"),
        Fault::NotPermitted => Some("other"),
    }
}

/// Makes all certificates, and the settings of clients with each and with none.
fn certificates(authority: &Authority) -> Vec<(Option<&'static str>, Arc<ClientConfig>)> {
    authority.sign("host", "host", &["localhost"]);
    authority.sign("right", "device-7", &[]);
    authority.sign("other", "device-8", &[]);
    authority.sign_as("expired", "device-7", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    authority.sign_as("early", "device-7", |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    authority.sign_as("server", "device-7", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    // One authority says that it is ours, and one does not.
    for (file, name) in [("wrong", "authority"), ("issuer", "another")] {
        let other = Authority::new(name);
        other.sign(file, "device-7", &[]);
        for kind in ["pem", "key"] {
            let name = format!("{file}.{kind}");
            fs::copy(other.path(&name), authority.path(&name)).unwrap();
        }
    }
    let files = super::FAULTS.map(file_of);
    let with = |file| (file, Arc::new(authority.trusting(EACH[0], file)));
    files.into_iter().map(with).collect()
}

const ANY: &str = "127.0.0.1:0";

const CONFIG: &str = r#"
shards = 2
pin = false
[admin]
address = "127.0.0.1:0"
[http]
origins = ["https://app.example", "https://*.pages.example"]
[auth]
hmac_secret = "0123456789abcdef0123456789abcdef"
issuers = ["backend"]
audiences = ["app"]
revoked_tokens = ["stolen"]
cookie = "token"
query = "token"
api_keys = [
  "may sha256:0322baaaeebf8ff72e8a0cc84b8fff681cf8a854e5f48c0571786107bd091fd3",
  "may_not sha256:a04cce809000802285456a400b6c3d51ea858ee87f339982d466ca409217e4da",
]
rules = ["user:ann all room", "key:may all room", "certificate:device-7 all room"]
"#;
