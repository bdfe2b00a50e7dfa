//! Tokens: their form, their claims, their making and their check.

pub(in crate::auth) mod claims;
pub(in crate::auth) mod compact;
pub(in crate::auth) mod create;
pub(in crate::auth) mod json;
pub(in crate::auth) mod verifier;
