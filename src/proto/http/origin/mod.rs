//! The origins whose pages may use the server: the field `Origin` of browsers, RFC 6454 section 7.

mod pattern;

pub use crate::proto::http::origin::pattern::OriginError;
use crate::proto::http::origin::pattern::Pattern;
pub(crate) use crate::proto::http::origin::pattern::is_own;
use crate::proto::http::{HttpError, Request, Response, is_token};

/// The origins whose pages may use the server. By default only the server's own origin. A request
/// without an `Origin`, as clients other than browsers send it, is not checked.
///
/// This protects users of browsers from foreign pages, and nothing else: any program can send any
/// `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

/// The origin of an allowed page, which may read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader<'b> {
    /// The origin as the browser has sent it.
    pub origin: &'b str,
    /// Whether it may also send credentials, such as cookies: it is listed by exact name, and is
    /// not `null` or `file:`. For `*` the Fetch standard (section 3.3.5) forbids credentials. With
    /// other patterns, one compromised page would be enough, and `self` depends on the request's
    /// `Host`.
    pub credentials: bool,
}

impl Default for Origins {
    fn default() -> Self {
        Self(vec![Pattern::Own])
    }
}

impl Origins {
    /// The origins that match one of `patterns`:
    ///
    /// | pattern | origins |
    /// |---|---|
    /// | `self` | the server's own: host and port are those of the request's `Host` |
    /// | `https://example.com`, `http://localhost:3000` | exactly this origin |
    /// | `https://*.example.com` | all subdomains, but not `example.com` itself |
    /// | `http://localhost:*` | this host with any port |
    /// | `file://`, `app://.`, `https://example.com/a/path` | exactly this text, as boards and
    /// WebViews send it |
    /// | `chrome-extension://*` | all origins of this scheme |
    /// | `null` | local files and sandboxed pages |
    /// | `*` | all |
    ///
    /// With `self`, an attacker's own name that resolves to this server counts as the server's own
    /// (DNS rebinding); a list of names without `self` prevents this.
    ///
    /// # Errors
    ///
    /// The first text that is not a pattern.
    pub fn parse<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, OriginError> {
        let patterns = patterns.into_iter();
        let patterns = patterns.map(|pattern| Pattern::parse(pattern.as_ref()));
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// The patterns as [`parse`](Self::parse) takes them, in lower case.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Pattern::text)
    }

    /// Checks the origin of a request; returns the origin that may read the answer, if the request
    /// has one.
    ///
    /// # Errors
    ///
    /// [`HttpError::OriginForbidden`]; [`refusal`](Self::refusal) has its text.
    pub(crate) fn admit<'b>(&self, request: &Request<'b>) -> Result<Option<Reader<'b>>, HttpError> {
        let mut origins = request.headers("origin");
        let Some(origin) = origins.next() else {
            return Ok(None);
        };
        let origin = std::str::from_utf8(origin).map_err(|_| HttpError::OriginForbidden)?;
        let host = request.header("host");
        let host = host.and_then(|host| std::str::from_utf8(host).ok());
        let credentials = self.allows(origin, host.unwrap_or_default());
        match credentials.filter(|_| origins.next().is_none()) {
            Some(credentials) => Ok(Some(Reader {
                origin,
                credentials,
            })),
            None => Err(HttpError::OriginForbidden),
        }
    }

    /// The text of the refusal of a request's origin.
    pub(crate) fn refusal(&self, request: &Request<'_>) -> String {
        let mut origins = request.headers("origin");
        let origin = quote(origins.next().unwrap_or_default());
        if origins.next().is_some() {
            return "more than one Origin header field; send one".to_owned();
        }
        let mut text = format!(
            "the origin {origin} is not allowed: http.origins (Config::origins of the library) does \
             not list it"
        );
        if self.0.contains(&Pattern::Own) {
            let host = quote(request.header("host").unwrap_or_default());
            text += &format!(
                ", and it is not that of the Host field, {host}, which a proxy must pass on"
            );
        }
        text
    }

    /// Whether an origin is allowed, and whether with credentials.
    fn allows(&self, origin: &str, host: &str) -> Option<bool> {
        let origin = origin.to_ascii_lowercase();
        let matches = self
            .0
            .iter()
            .filter(|pattern| pattern.admits(&origin, host));
        matches.map(Pattern::gives_credentials).max()
    }
}

/// The answer to a browser's preflight request (Fetch standard, 3.3.2). `None`: the request is not
/// a preflight. The answer allows everything that the browser asks for: an allowed origin may do
/// everything.
pub(crate) fn preflight(request: &Request<'_>) -> Option<Preflight> {
    let method = request.header("access-control-request-method")?;
    if request.method != "OPTIONS" || request.header("origin").is_none() || !is_token(method) {
        return None;
    }
    let names = request
        .headers("access-control-request-headers")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| is_token(name));
    let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
    Some(Preflight {
        method: String::from_utf8_lossy(method).into_owned(),
        fields: names.join(", "),
    })
}

/// The contents of a preflight request.
#[derive(Debug)]
pub(crate) struct Preflight {
    method: String,
    fields: String,
}

impl Preflight {
    /// The answer that allows the request.
    pub(crate) fn grant(self) -> Response {
        let mut response = Response::empty()
            .with_header("Access-Control-Allow-Methods", self.method)
            .with_header("Access-Control-Max-Age", PREFLIGHT_SECONDS);
        if !self.fields.is_empty() {
            response = response.with_header("Access-Control-Allow-Headers", self.fields);
        }
        response
    }
}

/// Received bytes prepared for display: in quotes, without control characters, and shortened.
fn quote(bytes: &[u8]) -> String {
    let front = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let dots = if front.len() < bytes.len() { "..." } else { "" };
    format!("\"{}{dots}\"", front.escape_ascii())
}

/// Maximum number of displayed bytes of a field.
const SHOWN_BYTES_MAX: usize = 128;
/// Time for which a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

#[cfg(test)]
mod tests;
