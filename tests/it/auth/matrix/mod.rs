//! Every listener, every place of a credential and every outcome, against the program: each cell
//! of the table has one exact answer, and the program is asked for each.

mod attacks;
mod attempt;
mod scene;

use std::collections::BTreeMap;

use corecast::Framing;
use corecast::auth::Denial;

use self::attempt::Attempt;
use self::scene::Scene;

/// Where clients connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    WebSocket,
    WebSocketTls,
    WebSocketUnix,
    Events,
    EventsTls,
    LengthPrefix,
    Varint,
    Line,
    LengthPrefixTls,
    LengthPrefixUnix,
}

/// Where a client puts its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bearer,
    ApikeyScheme,
    ApiKeyField,
    Cookie,
    Query,
    Subprotocol,
    FirstFrame,
    FirstFrameKey,
    Certificate,
}

/// What is right or wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Missing,
    Wrong,
    Expired,
    NotYetValid,
    Audience,
    Issuer,
    Revoked,
    NotPermitted,
}

/// What the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// 101, or the head of a stream of events, or the first frame.
    Open,
    /// A status, for this reason.
    Status(u16, Option<Denial>),
    /// The end of the stream before any byte, for this reason.
    End(Option<Denial>),
    /// This alert of TLS.
    Alert(String),
}

/// Why a cell has no answer: its listener has no such place, or its credential no such fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blank {
    NoFields,
    NoFirstFrame,
    NoTls,
    KeyHasNoClaims,
    CertificateHasNoId,
}

const LISTENERS: [Listener; 10] = [
    Listener::WebSocket,
    Listener::WebSocketTls,
    Listener::WebSocketUnix,
    Listener::Events,
    Listener::EventsTls,
    Listener::LengthPrefix,
    Listener::Varint,
    Listener::Line,
    Listener::LengthPrefixTls,
    Listener::LengthPrefixUnix,
];
const PLACES: [Place; 9] = [
    Place::Bearer,
    Place::ApikeyScheme,
    Place::ApiKeyField,
    Place::Cookie,
    Place::Query,
    Place::Subprotocol,
    Place::FirstFrame,
    Place::FirstFrameKey,
    Place::Certificate,
];
const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::Missing,
    Fault::Wrong,
    Fault::Expired,
    Fault::NotYetValid,
    Fault::Audience,
    Fault::Issuer,
    Fault::Revoked,
    Fault::NotPermitted,
];

impl Listener {
    /// The framing of those without HTTP.
    fn framing(self) -> Option<Framing> {
        match self {
            Self::WebSocket | Self::WebSocketTls | Self::WebSocketUnix => None,
            Self::Events | Self::EventsTls => None,
            Self::LengthPrefix | Self::LengthPrefixTls | Self::LengthPrefixUnix => {
                Some(Framing::LengthPrefix)
            }
            Self::Varint => Some(Framing::Varint),
            Self::Line => Some(Framing::Line),
        }
    }

    fn is_tls(self) -> bool {
        matches!(
            self,
            Self::WebSocketTls | Self::EventsTls | Self::LengthPrefixTls
        )
    }
}

fn alert(name: &str) -> Result<Answer, Blank> {
    Ok(Answer::Alert(name.to_owned()))
}

/// The table.
fn expected(listener: Listener, place: Place, fault: Fault) -> Result<Answer, Blank> {
    let is_http = listener.framing().is_none();
    match place {
        Place::FirstFrame | Place::FirstFrameKey if is_http => return Err(Blank::NoFirstFrame),
        Place::Certificate if !listener.is_tls() => return Err(Blank::NoTls),
        Place::FirstFrame | Place::FirstFrameKey | Place::Certificate => {}
        _ if !is_http => return Err(Blank::NoFields),
        _ => {}
    }
    let denial = match place {
        Place::Certificate => match fault {
            Fault::None => return Ok(Answer::Open),
            Fault::Missing => Denial::Missing,
            Fault::NotPermitted => Denial::Forbidden,
            // The handshake refuses it.
            Fault::Wrong => return alert("DecryptError"),
            Fault::Expired => return alert("CertificateExpired"),
            Fault::NotYetValid => return alert("CertificateExpired"),
            Fault::Audience => return alert("UnsupportedCertificate"),
            Fault::Issuer => return alert("UnknownCA"),
            Fault::Revoked => return Err(Blank::CertificateHasNoId),
        },
        Place::ApikeyScheme | Place::ApiKeyField | Place::FirstFrameKey => match fault {
            Fault::None => return Ok(Answer::Open),
            // Its stream ends without a frame.
            Fault::Missing if !is_http => return Ok(Answer::End(None)),
            Fault::Missing => Denial::Missing,
            Fault::Wrong => Denial::ApiKey,
            Fault::NotPermitted => Denial::Forbidden,
            Fault::Expired | Fault::NotYetValid => return Err(Blank::KeyHasNoClaims),
            Fault::Audience | Fault::Issuer => return Err(Blank::KeyHasNoClaims),
            Fault::Revoked => return Err(Blank::KeyHasNoClaims),
        },
        Place::Bearer | Place::Cookie | Place::Query | Place::Subprotocol | Place::FirstFrame => {
            match fault {
                Fault::None => return Ok(Answer::Open),
                // Its stream ends without a frame.
                Fault::Missing if place == Place::FirstFrame => return Ok(Answer::End(None)),
                Fault::Missing => Denial::Missing,
                Fault::Wrong => Denial::Signature,
                Fault::Expired => Denial::Expired,
                Fault::NotYetValid => Denial::NotYetValid,
                Fault::Audience => Denial::Audience,
                Fault::Issuer => Denial::Issuer,
                Fault::Revoked => Denial::Revoked,
                Fault::NotPermitted => Denial::Forbidden,
            }
        }
    };
    Ok(if is_http {
        let status = if denial == Denial::Forbidden {
            403
        } else {
            401
        };
        Answer::Status(status, Some(denial))
    } else {
        Answer::End(Some(denial))
    })
}

#[test]
fn every_listener_answers_every_credential_in_every_place() {
    let scene = Scene::start();
    let mut blanks: BTreeMap<Blank, usize> = BTreeMap::new();
    let mut cells = 0;
    let mut wrong = Vec::new();
    for listener in LISTENERS {
        for place in PLACES {
            for fault in FAULTS {
                let expected = match expected(listener, place, fault) {
                    Ok(expected) => expected,
                    Err(blank) => {
                        *blanks.entry(blank).or_default() += 1;
                        continue;
                    }
                };
                cells += 1;
                let attempt = Attempt::new(listener, place, fault);
                let answer = scene.answer(&attempt, &expected);
                if answer != expected {
                    let cell = format!("{listener:?} {place:?} {fault:?}");
                    wrong.push(format!("{cell}: {answer:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A cell that is left out, or one more, is a decision.
    let blank = |blank| blanks.get(&blank).copied().unwrap_or_default();
    assert_eq!(cells, CELLS);
    assert_eq!(blank(Blank::NoFields), 5 * 6 * FAULTS.len());
    assert_eq!(blank(Blank::NoFirstFrame), 5 * 2 * FAULTS.len());
    assert_eq!(blank(Blank::NoTls), 7 * FAULTS.len());
    assert_eq!(blank(Blank::KeyHasNoClaims), 5 * 3 * 5);
    assert_eq!(blank(Blank::CertificateHasNoId), 3);
    let all = LISTENERS.len() * PLACES.len() * FAULTS.len();
    assert_eq!(cells + blanks.values().sum::<usize>(), all);
}

const CELLS: usize = 309;
