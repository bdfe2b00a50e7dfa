//! How a request is answered that is denied.

use crate::denial::Denial;
use crate::proto::http::Response;

/// The answer to a request that is denied (RFC 9110 section 11.6.1, RFC 6750 section 3).
pub(crate) fn answer_to(denial: Denial) -> Response {
    let response = Response::text(denial.status(), &denial.to_string());
    match denial {
        // A credential does not help.
        Denial::Forbidden | Denial::CookieOrigin | Denial::NoKeys => response,
        Denial::Throttled | Denial::UserLimit | Denial::SubscriberLimit => response,
        // RFC 6750 section 3.1: no error code for a request without a credential.
        Denial::Missing => response.with_header("WWW-Authenticate", "Bearer, apikey"),
        Denial::ApiKey => response.with_header("WWW-Authenticate", "apikey"),
        Denial::Repeated => {
            response.with_header("WWW-Authenticate", "Bearer error=\"invalid_request\"")
        }
        _ => {
            let challenge =
                format!("Bearer error=\"invalid_token\", error_description=\"{denial}\"");
            response.with_header("WWW-Authenticate", challenge)
        }
    }
}
