//! Requests of commands to a server, over HTTP with or without TLS.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::cli::Failure;

/// An agent that trusts the authorities in these files, or those of the platform if there are none;
/// a request may take so long.
pub(in crate::cli) fn agent(files: &[PathBuf], timeout: Duration) -> Result<Agent, Failure> {
    let roots = if files.is_empty() {
        let found = rustls_native_certs::load_native_certs().certs;
        let roots = found
            .iter()
            .map(|root| Certificate::from_der(root).to_owned());
        roots.collect()
    } else {
        authorities(files)?
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .build();
    // No proxy of the environment: it would be given the token, and asked for loopback addresses.
    let config = Agent::config_builder()
        .proxy(None)
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    Ok(config.new_agent())
}

fn authorities(files: &[PathBuf]) -> Result<Vec<Certificate<'static>>, Failure> {
    let mut roots = Vec::new();
    for path in files {
        let before = roots.len();
        let wrong = |err: String| Failure::usage(format!("--ca {}: {err}", path.display()));
        let pem = std::fs::read(path).map_err(|err| wrong(err.to_string()))?;
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(root) = item.map_err(|err| wrong(err.to_string()))? {
                roots.push(root);
            }
        }
        if roots.len() == before {
            return Err(wrong("has no certificate".to_owned()));
        }
    }
    Ok(roots)
}
