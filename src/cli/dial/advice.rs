//! What a user may do about a connection that fails.

use crate::client::Reason;
use crate::proto::centrifuge::Error;

/// Why there is no connection, with what to do about it.
pub(in crate::cli) fn explain(reason: &Reason, has_token: bool) -> String {
    let advice = match reason {
        Reason::Refused { status, .. } => of_status(*status, has_token),
        Reason::Closed { code, .. } => of_code(code.unwrap_or_default()),
        Reason::Connect(_) | Reason::Resolve(_) => "is the server running, and --url right?",
        Reason::Handshake(_) => "is --url that of the server's HTTP port?",
        Reason::Tls(_) => "--ca names the server's authority; has the port TLS (wss://, tcps://)?",
        Reason::EndOfStream | Reason::Lost(_) if !has_token => {
            "a listener may want a token, or be full"
        }
        _ => "",
    };
    let said = match reason {
        Reason::Refused { status, body, .. } => {
            let body = String::from_utf8_lossy(body);
            let body = body.trim();
            let colon = if body.is_empty() { "" } else { ": " };
            format!(
                "the server has refused with status {status}{colon}{}",
                plain(body)
            )
        }
        reason => plain(&reason.to_string()),
    };
    match advice {
        "" => said,
        advice => format!("{said}; {advice}"),
    }
}

fn of_status(status: u16, has_token: bool) -> &'static str {
    match status {
        401 if has_token => "`corecast token check` says why a token is not accepted",
        401 => "give a token with --token-file, --token-command or --token",
        403 => {
            "no rule allows it: `corecast config explain --topic TOPIC` shows the rules of the \
             server's configuration"
        }
        404 => "is --url that of the server's HTTP port, and the path before the topic right?",
        429 => "this address or user has too many connections, or opens them too often",
        502..=504 => "the server is full or restarting, or a proxy does not reach it",
        _ => "",
    }
}

pub(in crate::cli) fn of_code(code: u16) -> &'static str {
    match code {
        1008 => "the topic, a rule or a rate limit does not allow it",
        1009 => "the message is longer than limits.message of the server",
        3005 => "give tokens with --token-file or --token-command, so that they are replaced",
        3500 => "`corecast token check` says why a token is not accepted",
        _ => "",
    }
}

/// Why a command of the structured protocol was refused, with what to do about it.
pub(in crate::cli) fn refusal(error: &Error) -> String {
    let advice = match error.code {
        101 => of_status(401, false),
        102 => "is the namespace right? The server's configuration has none of this name",
        103 => of_status(403, true),
        106 => "a limit of the server, such as subscribers_max or limits.patterns",
        108 => "the topic has no history, or the server does not offer this",
        109 => of_code(3005),
        _ => "",
    };
    let semicolon = if advice.is_empty() { "" } else { "; " };
    let message = plain(&error.message);
    format!("{message} ({}){semicolon}{advice}", error.code)
}

/// A text of a server without what could control a terminal.
pub(in crate::cli) fn plain(text: &str) -> String {
    let safe = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_status_its_text_and_what_to_do() {
        let refused = |status, body: &str| Reason::Refused {
            status,
            body: body.into(),
            retry_after: None,
        };
        let told = explain(&refused(401, "no credential\n"), false);
        assert!(
            told.contains("status 401: no credential; give a token"),
            "{told}"
        );
        let told = explain(&refused(401, ""), true);
        assert!(
            told.contains("status 401; `corecast token check`"),
            "{told}"
        );
        let told = explain(&refused(403, "\u{1b}[2Jx"), true);
        assert!(told.contains("status 403:  [2Jx; no rule"), "{told}");
        assert_eq!(
            explain(&refused(500, ""), false),
            "the server has refused with status 500"
        );
    }
}
