//! Offers and answers of both sides, RFC 7692 5 and 7.1.

use crate::proto::ws::deflate::Window;
use crate::proto::ws::extensions::Extension;

/// The offer of a client: neither side keeps context between messages, and the server may ask for a
/// smaller window.
pub const OFFER: &str = "permessage-deflate; server_no_context_takeover; \
    client_no_context_takeover; client_max_window_bits";

/// What a server grants to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The window of the server's messages.
    pub window: Window,
    /// Whether the client has asked for this window, so that the answer must repeat it.
    named: bool,
    /// Whether the client has asked for messages without context. All messages are so.
    keeps_nothing: bool,
    /// Whether the client's messages may refer to earlier ones.
    pub takes_over: bool,
}

/// What a client and its server have negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The window of the client's messages.
    pub window: Window,
}

/// The first of a client's offers that the server can grant (RFC 7692 5.1). Others, and other
/// extensions, are ignored.
pub fn grant(offers: &[Extension<'_>]) -> Option<Grant> {
    offers
        .iter()
        .filter(|offer| is_ours(offer))
        .find_map(grant_one)
}

/// RFC 7692 7.1: an offer is declined if a parameter is unknown, repeated, or has an invalid value.
fn grant_one(offer: &Extension<'_>) -> Option<Grant> {
    let params = Params::of(offer)?;
    // A value is only a hint, and the client's window does not matter here: the largest is assumed.
    if let Some(Some(value)) = params.client_window {
        Window::parse(value)?;
    }
    // RFC 7692 7.1.1 allows the answer to have either parameter without an offer, but Netty's
    // client then fails the connection on the second, and older versions also on the first. The
    // server's messages may be without context even if the answer does not say so.
    let keeps_nothing = params.server_no_context_takeover;
    let takes_over = !params.client_no_context_takeover;
    match params.server_window {
        None => Some(Grant {
            window: Window::LARGEST,
            named: false,
            keeps_nothing,
            takes_over,
        }),
        Some(value) => Window::parse(value?)
            .filter(|window| Window::LEAST_KEPT <= *window)
            .map(|window| Grant {
                window,
                named: true,
                keeps_nothing,
                takes_over,
            }),
    }
}

impl Grant {
    /// Appends the value of `Sec-WebSocket-Extensions` in the answer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"permessage-deflate");
        if self.keeps_nothing {
            out.extend_from_slice(b"; server_no_context_takeover");
        }
        if !self.takes_over {
            out.extend_from_slice(b"; client_no_context_takeover");
        }
        if self.named {
            out.extend_from_slice(b"; server_max_window_bits=");
            out.extend_from_slice(self.window.bits().to_string().as_bytes());
        }
    }
}

/// What a client with the [`OFFER`] gets from the server's answer, which may grant nothing.
///
/// `None` if it has something that was not offered, or lacks the parameter by which the server
/// keeps no context: then RFC 7692 5.1 requires the client to fail the connection.
pub fn check_answer(answer: &[Extension<'_>]) -> Option<Option<Terms>> {
    let [extension] = answer else {
        return answer.is_empty().then_some(None);
    };
    let params = is_ours(extension).then(|| Params::of(extension))??;
    if !params.server_no_context_takeover {
        return None;
    }
    // RFC 7692 7.1.2.1: it may come without an offer; the client can read every window.
    if let Some(value) = params.server_window {
        Window::parse(value?)?;
    }
    let window = match params.client_window {
        None => Window::LARGEST,
        Some(value) => Window::parse(value?)?,
    };
    Some(Some(Terms { window }))
}

/// RFC 9110 7.8 compares protocol names in any case; RFC 6455 says nothing about extensions, so
/// they must match exactly.
fn is_ours(extension: &Extension<'_>) -> bool {
    extension.name == "permessage-deflate"
}

/// The parameters of RFC 7692 7.1, each at most once.
#[derive(Debug, Default)]
struct Params<'e> {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_window: Option<Option<&'e str>>,
    client_window: Option<Option<&'e str>>,
}

impl<'e> Params<'e> {
    fn of(extension: &'e Extension<'_>) -> Option<Self> {
        let mut params = Self::default();
        for (name, value) in &extension.params {
            let value = value.as_deref();
            let was_there = match *name {
                "server_no_context_takeover" if value.is_none() => {
                    std::mem::replace(&mut params.server_no_context_takeover, true)
                }
                "client_no_context_takeover" if value.is_none() => {
                    std::mem::replace(&mut params.client_no_context_takeover, true)
                }
                "server_max_window_bits" => params.server_window.replace(value).is_some(),
                "client_max_window_bits" => params.client_window.replace(value).is_some(),
                _ => return None,
            };
            if was_there {
                return None;
            }
        }
        Some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::{OFFER, Terms, check_answer, grant};
    use crate::proto::ws::deflate::Window;
    use crate::proto::ws::extensions::parse;

    const SERVER: &str = "; server_no_context_takeover";
    const CLIENT: &str = "; client_no_context_takeover";

    /// The answer to an offer, without the name.
    fn answer(offer: &str) -> Option<String> {
        let offers = parse([offer.as_bytes()].into_iter()).unwrap();
        let mut out = Vec::new();
        grant(&offers)?.encode(&mut out);
        let text = String::from_utf8(out).unwrap();
        Some(text.strip_prefix("permessage-deflate").unwrap().to_owned())
    }

    #[test]
    fn the_first_offer_that_can_be_granted_is() {
        let check = |offer: &str, expected: Option<&str>| {
            assert_eq!(answer(offer).as_deref(), expected, "{offer}");
        };
        check("", None);
        check("x-webkit-deflate-frame", None);
        check("permessage-deflate", Some(""));
        check("permessage-deflate; client_max_window_bits", Some(""));
        check("permessage-deflate; client_max_window_bits=8", Some(""));
        check(
            "permessage-deflate; client_max_window_bits=\"10\"",
            Some(""),
        );
        check(
            "permessage-deflate; server_no_context_takeover",
            Some(SERVER),
        );
        check(
            "permessage-deflate; client_no_context_takeover",
            Some(CLIENT),
        );
        check(OFFER, Some(&(SERVER.to_owned() + CLIENT)));
        for bits in 9..=15 {
            let window = format!("; server_max_window_bits={bits}");
            check(&format!("permessage-deflate{window}"), Some(&window));
            let both = format!("permessage-deflate{SERVER}{CLIENT}{window}");
            check(&both, Some(&format!("{SERVER}{CLIENT}{window}")));
        }
        // Declined: a window that the compressor does not support, and parameters unknown to RFC
        // 7692.
        for params in [
            "server_max_window_bits=8",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=09",
            "server_max_window_bits=x",
            "server_max_window_bits=9; server_max_window_bits=9",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=010",
            "client_max_window_bits; client_max_window_bits=10",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "unknown",
            "unknown=1",
            "Server_no_context_takeover",
        ] {
            check(&format!("permessage-deflate; {params}"), None);
            let second = format!("permessage-deflate; {params}, permessage-deflate");
            check(&second, Some(""));
        }
        let two = "permessage-deflate; server_max_window_bits=8, other; a=b, \
                   permessage-deflate; server_max_window_bits=10, permessage-deflate";
        check(two, Some("; server_max_window_bits=10"));
    }

    #[test]
    fn no_answer_has_a_parameter_that_was_not_offered() {
        // The offers of Netty, browsers, Node's ws, Python's websockets, and Go's gorilla and
        // coder.
        for (offer, expected) in [
            ("permessage-deflate;client_max_window_bits", ""),
            (
                "permessage-deflate;client_max_window_bits,deflate-frame,x-webkit-deflate-frame",
                "",
            ),
            ("permessage-deflate; client_max_window_bits", ""),
            ("permessage-deflate", ""),
            (
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                "; server_no_context_takeover; client_no_context_takeover",
            ),
            (
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
                "; server_no_context_takeover; client_no_context_takeover",
            ),
        ] {
            assert_eq!(answer(offer).as_deref(), Some(expected), "{offer}");
        }
    }

    #[test]
    fn an_answer_is_taken_only_if_it_fits_the_offer() {
        let read = |answer: &str| check_answer(&parse([answer.as_bytes()].into_iter()).unwrap());
        let agreed = |bits: u8| {
            let window = Window::parse(&bits.to_string()).unwrap();
            Some(Some(Terms { window }))
        };
        assert_eq!(read(""), Some(None));
        let fine = |params: &str, bits| {
            let answer = format!("permessage-deflate; server_no_context_takeover{params}");
            assert_eq!(read(&answer), agreed(bits), "{answer}");
        };
        fine("", 15);
        fine("; client_no_context_takeover", 15);
        fine("; client_max_window_bits=8", 8);
        fine("; client_max_window_bits=12; server_max_window_bits=8", 12);
        fine("; server_max_window_bits=15", 15);
        let wrong = |answer: &str| assert_eq!(read(answer), None, "{answer}");
        wrong("permessage-deflate");
        wrong("permessage-bzip2");
        wrong("permessage-deflate; client_no_context_takeover");
        let ours = "permessage-deflate; server_no_context_takeover";
        wrong(&format!("{ours}, {ours}"));
        wrong(&format!("{ours}, other"));
        for params in [
            "server_no_context_takeover",
            "server_no_context_takeover=1",
            "client_max_window_bits",
            "client_max_window_bits=7",
            "client_max_window_bits=016",
            "client_max_window_bits=10; client_max_window_bits=10",
            "server_max_window_bits",
            "server_max_window_bits=16",
            "other",
        ] {
            wrong(&format!("{ours}; {params}"));
        }
    }

    #[test]
    fn what_our_server_grants_our_client_takes() {
        let offers = parse([OFFER.as_bytes()].into_iter()).unwrap();
        let mut out = Vec::new();
        grant(&offers).unwrap().encode(&mut out);
        let answer = parse([&out[..]].into_iter()).unwrap();
        let window = Window::LARGEST;
        assert_eq!(check_answer(&answer), Some(Some(Terms { window })));
    }
}
