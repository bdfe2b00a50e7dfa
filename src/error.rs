//! The error of a server that did not start or has failed, and a macro for errors that `main`
//! returns.

use core::net::AddrParseError;
use std::io;

/// Why a server did not start, or why it has stopped without being asked.
///
/// Its `Debug` output is its text, because the standard library prints the `Debug` output of an
/// error that `main` returns. The other errors of this crate that `main` may return do the same.
///
/// ```no_run
/// use corecast::{Relay, Server};
///
/// // `Error: cannot listen on 127.0.0.1:80: Permission denied (os error 13)`, for instance.
/// fn main() -> Result<(), corecast::Error> {
///     let server = Server::builder().http("127.0.0.1:80".parse()?).start(|_| Relay::default())?;
///     server.join()
/// }
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(io::Error);

impl Error {
    /// The kind of the error: [`AddrInUse`](io::ErrorKind::AddrInUse) if an address is taken,
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if a setting is invalid.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl From<io::Error> for Error {
    fn from(err: io::Error) -> Self {
        Self(err)
    }
}

impl From<Error> for io::Error {
    fn from(err: Error) -> Self {
        err.0
    }
}

impl From<AddrParseError> for Error {
    fn from(err: AddrParseError) -> Self {
        Self(io::Error::new(io::ErrorKind::InvalidInput, err))
    }
}

/// Makes the `Debug` output of errors their text.
macro_rules! debug_is_text {
    ($($error:ty),+) => {$(
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

pub(crate) use debug_is_text;

debug_is_text!(Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_main_returns_reads_as_its_text() {
        let err = Error::from(io::Error::new(io::ErrorKind::AddrInUse, "port 80 is taken"));
        assert_eq!(format!("{err:?}"), "port 80 is taken");
        assert_eq!(err.kind(), io::ErrorKind::AddrInUse);
        let boxed: Box<dyn std::error::Error> = err.into();
        assert_eq!(format!("{boxed:?}"), "port 80 is taken");
        let parsed = "nowhere"
            .parse::<core::net::SocketAddr>()
            .map_err(Error::from);
        assert_eq!(
            format!("{:?}", parsed.unwrap_err()),
            "invalid socket address syntax"
        );
    }
}
