//! What can go wrong with TLS on the way to a server.

/// TLS has failed on the way to a server: why, and what to do about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// No authority that is believed has signed the server's certificate.
    #[error(
        "the server's certificate is of an authority that is not known here; if it is the right \
         one, name its file with tls_ca"
    )]
    Authority,
    /// The server's certificate is for other names than the one it was asked by.
    #[error(
        "the server's certificate is for another name; connect by a name that it has, or have it \
         signed for this one"
    )]
    Name,
    /// The server's certificate has expired, or that of its authority.
    #[error("the server's certificate has expired; renew it, or set this host's clock")]
    Expired,
    /// The server's certificate is not valid yet, or that of its authority.
    #[error("the server's certificate is not valid yet; set this host's clock, or the server's")]
    Early,
    /// Something else is wrong with the server's certificate.
    #[error("the server's certificate is no good: {0}")]
    Certificate(String),
    /// The server wants to see a certificate.
    #[error("the server wants a certificate; show it one with tls_client_cert")]
    Anonymous,
    /// The server has refused, with this alert (RFC 8446 section 6.2).
    #[error("the server has refused: {0}; does it know this client's certificate, and its name?")]
    Refused(String),
    /// What came is no TLS.
    #[error("what the server says is no TLS; take ws:// or tcp://, or the port that speaks it")]
    Nonsense,
    /// Something else.
    #[error("{0}")]
    Other(String),
}
