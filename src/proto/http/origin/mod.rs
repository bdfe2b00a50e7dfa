//! Which pages may use the server: the `Origin` that a browser sends, RFC 6454 section 7.

mod pattern;

pub use crate::proto::http::origin::pattern::OriginError;
use crate::proto::http::origin::pattern::Pattern;
use crate::proto::http::{HttpError, Request, Response, is_token};

/// The origins whose pages may use the server. By default only the server's own; a request
/// without an `Origin`, as most clients that are no browsers send it, is not asked for one.
///
/// It protects the users of browsers from the pages of others, and nobody else: any program can
/// send any `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

/// The origin of a page that may ask, and read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader<'b> {
    /// As its browser has said it.
    pub origin: &'b str,
    /// Whether it may also send credentials, such as cookies: it is listed exactly by name, and is
    /// not `null` or of a file. To `*` the Fetch standard (section 3.3.5) does not let anyone give
    /// that; under other patterns one page that is taken over would do; `self` is what a request's
    /// `Host` says.
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
    /// | `self` | the one that the request is sent to: host and port are those of its `Host` |
    /// | `https://example.com`, `http://localhost:3000` | this one |
    /// | `https://*.example.com` | those of all domains below, not `example.com` itself |
    /// | `http://localhost:*` | those of all ports of a host |
    /// | `file://`, `app://.`, `https://example.com/a/path` | this text, as boards and WebViews send |
    /// | `chrome-extension://*` | all of a scheme |
    /// | `null` | of files and of pages in a sandbox |
    /// | `*` | all |
    ///
    /// With `self`, whoever makes a name of their own lead to this server (DNS rebinding) is the
    /// server's own; a list of names alone keeps them out.
    ///
    /// # Errors
    ///
    /// The first that is no pattern.
    pub fn parse<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, OriginError> {
        let patterns = patterns.into_iter();
        let patterns = patterns.map(|pattern| Pattern::parse(pattern.as_ref()));
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// The patterns, as [`parse`](Self::parse) takes them, in small letters.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Pattern::text)
    }

    /// Whether a request may come from where it says that it comes from; who may read the answer,
    /// if it says so.
    ///
    /// # Errors
    ///
    /// [`HttpError::OriginForbidden`]; [`refusal`](Self::refusal) has the words for it.
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

    /// What a request is told that may not come from where it says.
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

    /// Whether an origin is allowed, and whether that is with credentials.
    fn allows(&self, origin: &str, host: &str) -> Option<bool> {
        let origin = origin.to_ascii_lowercase();
        let matches = self
            .0
            .iter()
            .filter(|pattern| pattern.admits(&origin, host));
        matches.map(Pattern::gives_credentials).max()
    }
}

/// What a browser is told that asks whether a page may send a request (Fetch standard, 3.3.2).
/// `None`: it does not ask that. The answer lets it send what it asked for: an origin that is
/// admitted may do all that others may.
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

/// What a page wants to send.
#[derive(Debug)]
pub(crate) struct Preflight {
    method: String,
    fields: String,
}

impl Preflight {
    /// The answer that allows it.
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

/// What somebody sent, so that it can be shown: in quotes, without control characters, and cut.
fn quote(bytes: &[u8]) -> String {
    let front = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let dots = if front.len() < bytes.len() { "..." } else { "" };
    format!("\"{}{dots}\"", front.escape_ascii())
}

/// Bytes of a field that are shown.
const SHOWN_BYTES_MAX: usize = 128;
/// How long a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

#[cfg(test)]
mod tests;
