//! The address of a listener: a TCP port, a path in the file system, or an inherited socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::error::debug_is_text;

/// The address of a listener.
///
/// ```
/// use corecast::ListenAddr;
///
/// let port: ListenAddr = "127.0.0.1:8080".parse()?;
/// let path: ListenAddr = "unix:/run/corecast.sock".parse()?;
/// assert_eq!(path.to_string(), "unix:/run/corecast.sock");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// A TCP port; 0 takes a free port.
    Tcp(SocketAddr),
    /// The path of a Unix-domain stream socket, of at most [`ListenAddr::PATH_BYTES_MAX`] bytes.
    Unix(PathBuf),
    /// A socket that the process inherited at its start, for example from systemd: by its name, or
    /// its number from 0 (`sd_listen_fds(3)`).
    Inherited(String),
}

/// The text is not an address of a listener.
#[derive(Clone, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not an address to listen on: write it as 127.0.0.1:8080, [::]:8080, unix:/path or \
     systemd:name"
)]
pub struct ListenAddrError(String);

debug_is_text!(ListenAddrError);

impl ListenAddr {
    /// Maximum length of the path of a Unix-domain socket: what `sun_path` holds without its end
    /// (`unix(7)`).
    pub const PATH_BYTES_MAX: usize = 107;

    /// The address and port, if it is a TCP port.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr) => Some(*addr),
            Self::Unix(_) | Self::Inherited(_) => None,
        }
    }

    /// Whether there is one socket for all shards, because it is not a port.
    pub fn is_single(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }

    /// Whether it is a path.
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

impl From<SocketAddr> for ListenAddr {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

impl FromStr for ListenAddr {
    type Err = ListenAddrError;

    fn from_str(text: &str) -> Result<Self, ListenAddrError> {
        let text = text.trim();
        let is_right = |rest: &&str| (1..=Self::PATH_BYTES_MAX).contains(&rest.len());
        let after = |prefix| text.strip_prefix(prefix).filter(is_right);
        let path = after(UNIX).map(|path| Self::Unix(path.into()));
        let name = || after(SYSTEMD).map(|name| Self::Inherited(name.to_owned()));
        let parsed = path
            .or_else(name)
            .or_else(|| text.parse().ok().map(Self::Tcp));
        parsed.ok_or_else(|| ListenAddrError(text.to_owned()))
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "{addr}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
            Self::Inherited(name) => write!(f, "{SYSTEMD}{name}"),
        }
    }
}

const UNIX: &str = "unix:";
const SYSTEMD: &str = "systemd:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            "127.0.0.1:80",
            "[::1]:0",
            "unix:/run/x.sock",
            "unix:beside.sock",
            "systemd:web",
        ] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        let long = format!("unix:/{}", "x".repeat(ListenAddr::PATH_BYTES_MAX));
        for text in [
            "",
            "80",
            "127.0.0.1",
            "unix:",
            "systemd:",
            "/run/x.sock",
            &long,
        ] {
            let err = text.parse::<ListenAddr>().unwrap_err();
            assert!(err.to_string().contains("unix:/path"), "{err}");
        }
        assert!(long[..long.len() - 1].parse::<ListenAddr>().is_ok());
    }
}
