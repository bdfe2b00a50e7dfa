//! The TLS errors of a client.

/// TLS failed on a client's connection to a server: the reason and a remedy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// No trusted authority has signed the server's certificate.
    #[error(
        "the server's certificate is from an unknown authority; if you trust it, name its file with \
         tls_ca"
    )]
    Authority,
    /// The server's certificate is for other names than the host of the address.
    #[error(
        "the server's certificate is for another name; connect by a name that it has, or have it \
         signed for this one"
    )]
    Name,
    /// The server's certificate or that of its authority has expired.
    #[error("the server's certificate has expired; renew it, or set this host's clock")]
    Expired,
    /// The server's certificate or that of its authority is not valid yet.
    #[error("the server's certificate is not valid yet; set this host's clock, or the server's")]
    Early,
    /// The server's certificate is invalid for another reason.
    #[error("the server's certificate is invalid: {0}")]
    Certificate(String),
    /// The server requires a client certificate.
    #[error("the server requires a client certificate; set one with tls_client_cert")]
    Anonymous,
    /// The server refused with this alert (RFC 8446 section 6.2).
    #[error("the server has refused: {0}; does it know this client's certificate, and its name?")]
    Refused(String),
    /// The received bytes are not TLS.
    #[error("the server does not speak TLS; use ws:// or tcp://, or its TLS port")]
    Nonsense,
    /// Something else.
    #[error("{0}")]
    Other(String),
}
