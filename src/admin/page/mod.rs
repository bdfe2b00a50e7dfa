//! The dashboard: one page with all that it needs, which asks the API once a second.

use std::hash::{BuildHasher, RandomState};

use crate::proto::http::Response;

/// The page.
const PAGE: &str = include_str!("dashboard.html");
/// What its browser runs.
const SCRIPT: &str = include_str!("dashboard.js");

/// The page, with a policy by which it runs its own script alone, loads nothing, asks only this
/// port, and is in no frame (<https://www.w3.org/TR/CSP3/>).
pub(super) fn dashboard() -> Response {
    let nonce = nonce();
    let page = PAGE.replace("NONCE", &nonce).replace("SCRIPT\n", SCRIPT);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    Response::new(200, "text/html; charset=utf-8", page.into_bytes())
        .with_header("Content-Security-Policy", policy)
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header("Referrer-Policy", "no-referrer")
        .with_header("Cross-Origin-Opener-Policy", "same-origin")
}

/// Another one for each answer. The page has no text of others, so that no more is at stake than
/// what a keyed hash with random keys gives.
fn nonce() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_alone() {
        let (page, other) = (dashboard(), dashboard());
        let policy = |page: &Response| page.headers[0].1.clone().into_owned();
        assert_ne!(policy(&page), policy(&other));
        let policy = policy(&page);
        let (_, nonce) = policy.split_once("script-src 'nonce-").unwrap();
        let (nonce, _) = nonce.split_once('\'').unwrap();
        let text = std::str::from_utf8(&page.body).unwrap();
        let named = format!("nonce=\"{nonce}\"");
        assert_eq!(text.matches(&named).count(), 2, "style and script");
        assert_eq!(text.matches("<script").count(), 1);
        for outside in [
            "http://",
            "https://",
            "//cdn",
            "@import",
            " style=",
            " onclick=",
        ] {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(outside), "{outside}");
        }
        assert!(text.contains("const POINTS"), "the script is there");
    }
}
