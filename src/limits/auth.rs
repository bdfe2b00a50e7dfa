//! Identity: tokens and the keys that they are checked with.

use std::time::Duration;

/// Maximum length of a token: those of large identity providers, with groups of users in them,
/// have 2 to 6 KB.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Maximum length of the first frame of a TCP connection whose listener asks for a credential; a
/// smaller `limits.message` counts as well.
pub const CREDENTIAL_BYTES_MAX: usize = 64 << 10;
/// Clocks of issuers may differ by so much.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(30);
/// Maximum length of a user's name in bytes, as long as a topic may be.
pub const USER_BYTES_MAX: usize = 255;
/// Maximum number of entries of the claim `caps`. Each is looked at for each check.
pub const TOKEN_CAPS_MAX: usize = 64;
/// Topics that one of them names.
pub const TOKEN_CAP_TOPICS_MAX: usize = 128;
/// Minimum length of a secret in bytes: that of the hash (RFC 7518 section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// Maximum number of keys with the same id, or without one, in a key set, and of keys without one
/// in the configuration: a token is checked against each of them.
pub const KEYS_OF_ONE_ID_MAX: usize = 8;
/// Maximum number of keys of a key set. Providers have 2 to 10.
pub const KEYS_MAX: usize = 100;
/// Maximum length of a key set in bytes, with a chain of certificates for each key.
pub const KEY_SET_BYTES_MAX: usize = 512 << 10;
/// While a key set cannot be fetched, its keys stay in use for so long.
pub const KEYS_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// A key set is fetched again after this time, while its keys are still in use.
pub const KEYS_REFRESH: Duration = Duration::from_secs(15 * 60);
/// Time for one fetch.
pub const KEYS_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failure the next fetch waits for so long, twice as long after each further one, up to
/// the time after which a set is fetched again (`auth.jwks_refresh`).
pub const KEYS_RETRY: Duration = Duration::from_secs(1);
/// A connection waits this long for a fetch, and is then denied.
pub const KEYS_ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// Tokens with unknown keys make the server fetch the set again, but not more often than this.
pub const KEYS_ASK_INTERVAL: Duration = Duration::from_secs(10);
/// Connections that may wait for one fetch; others are denied at once.
pub const KEYS_WAITING_MAX: usize = 1_024;
/// Cells for revoked users, and as many for revoked tokens: place for a hundred thousand each, in
/// 2 MiB that are made with the first of them.
pub const REVOKED_CELLS: usize = 1 << 18;
/// Cells that a user or a token may have its revocation in: all are looked at, when a connection
/// opens.
pub const REVOKED_OF_SET: usize = 64;
/// Revocations of users, and as many of tokens, that are kept in a file: they fit into the cells,
/// whatever the keys.
pub const REVOCATIONS_KEPT_MAX: usize = 100_000;
/// Revocations that wait to be written to the file.
pub const REVOCATIONS_WAITING_MAX: usize = 10_000;
/// If the file of revocations cannot be written, it is tried again after this time.
pub const REVOCATIONS_RETRY: Duration = Duration::from_secs(10);
/// One denial in this time is logged by a shard; the others are counted alone.
pub const DENIAL_LOG_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(KEYS_TIMEOUT.as_nanos() < KEYS_ANSWER_TIMEOUT.as_nanos());
const _: () = assert!(KEYS_RETRY.as_nanos() < KEYS_REFRESH.as_nanos());
