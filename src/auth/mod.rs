//! Identity and permission: which client it is, and what it may do.
//!
//! A [`Verifier`] checks tokens (JSON Web Tokens, RFC 7519), [`ApiKeys`] knows API keys by their
//! hashes, and [`Rules`] say which clients may do what with which topics. [`Auth`] is all of them
//! together, as the `corecast` program uses them. The result of a check is a [`Principal`] or a
//! [`Denial`].
//!
//! All of it is pure but for [`Endpoint`], a thread that fetches keys, and [`Revocations::open`],
//! which starts one that writes a file. The time is given from outside, in seconds since the
//! beginning of 1970.
//!
//! ```
//! # #[cfg(feature = "auth")] {
//! use corecast::auth::{Action, Denial, Identity, Key, Rules, Verifier};
//!
//! let secret = b"a secret of at least 32 bytes....";
//! let mut verifier = Verifier::new(vec![Key::hmac(secret)?]);
//! let token = corecast::auth::create(secret, r#"{"sub":"ann","exp":2000000000}"#)?;
//! let ann = verifier.verify(&token, 1_900_000_000)?;
//! assert_eq!(ann.identity, Identity::User("ann".to_owned()));
//! assert_eq!(verifier.verify(&token, 2_100_000_000), Err(Denial::Expired));
//!
//! let rules = Rules::parse(["users subscribe+publish room/{user}/#"])?;
//! assert!(rules.decide(&ann, Action::Publish, "room/ann/1").is_allowed);
//! assert!(!rules.decide(&ann, Action::Publish, "room/bob/1").is_allowed);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api_key;
pub(crate) mod certificate;
pub(crate) mod challenge;
mod credential;
mod permission;
pub(crate) mod places;
mod principal;
mod revoke_error;
mod rights;
mod rules;

#[cfg(not(feature = "auth"))]
mod absent;
#[cfg(feature = "auth")]
mod admission;
#[cfg(feature = "auth")]
mod keys;
#[cfg(feature = "auth")]
mod revocations;
#[cfg(feature = "auth")]
mod token;

#[cfg(not(feature = "auth"))]
#[doc(hidden)]
pub use absent::Auth;
#[cfg(feature = "auth")]
pub use admission::Auth;
pub use api_key::{ApiKeyError, ApiKeys};
pub use credential::Credential;
#[cfg(feature = "auth")]
pub(crate) use keys::endpoint::url_fault;
#[cfg(feature = "auth")]
pub use keys::endpoint::{Endpoint, EndpointError, fetch};
#[cfg(feature = "auth")]
pub use keys::{Key, KeyError, jwk_set};
pub use permission::Forbidden;
pub use places::Places;
pub(crate) use principal::claim;
pub use principal::{Identity, Principal};
#[cfg(feature = "auth")]
pub use revocations::{Revocations, RevokedList};
pub use revoke_error::RevokeError;
pub use rights::Rights;
pub use rules::{Action, Decider, Rule, RuleError, Rules, Verdict};
#[cfg(all(feature = "auth", feature = "cli"))]
pub(crate) use token::compact::signed_with;
#[cfg(feature = "auth")]
pub use token::create::{CreateError, Signer, create};
#[cfg(feature = "auth")]
pub use token::verifier::Verifier;

pub use crate::denial::Denial;
pub use crate::pattern::{Names, Pattern, PatternError};
