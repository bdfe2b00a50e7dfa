//! The configuration keys of identity and permission.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limits::HEAD_BYTES_CEILING;
use crate::settings::Settings;
use crate::settings::field::Field;
use crate::settings::keys::{FROM_ZERO, Key, SHORT, key};
use crate::settings::value::list::PATH_BYTES_MAX;

/// The keys of the section `auth`.
pub(super) static AUTH_KEYS: &[Key<Settings>] = &[
    key(
        "auth.hmac_secret",
        Field::Text(|s| &mut s.auth.secret.0, SECRET_BYTES),
        "Secret of tokens with HS256, of at least 32 bytes. From 48 bytes on it is also for HS384, \
         and from 64 bytes on for HS512. Set it as an environment variable, or protect the file. \
         `openssl rand -hex 32` makes one.",
    )
    .secret(),
    key(
        "auth.hmac_previous_secret",
        Field::Text(|s| &mut s.auth.previous_secret.0, SECRET_BYTES),
        "The secret before `hmac_secret`: older tokens, signed with it, are still accepted.",
    )
    .secret(),
    key(
        "auth.hmac_short_secrets",
        Field::Switch(|s| &mut s.auth.short_secrets),
        "Whether `hmac_secret` and `hmac_previous_secret` may have fewer than 32 bytes, for test \
         suites. One token is enough to find such a secret by trying, and then to make tokens for \
         every user (RFC 7518 section 3.2). The server warns of it at each start.",
    ),
    key(
        "auth.hmac_previous_until",
        Field::CountOr(|s| &mut s.auth.previous_until, 1..=usize::MAX, "off"),
        "Time from which tokens of the previous secret are refused, in seconds since the beginning \
         of 1970 (`date -d 2026-12-01 +%s`). `off`: they are accepted as long as the previous \
         secret is configured.",
    ),
    key(
        "auth.public_keys",
        Field::List(|s| &mut s.auth.public_keys),
        "PEM files, each with a public key or a certificate for tokens: RSA (RS256 to RS512, PS256 \
         to PS512), P-256 (ES256), P-384 (ES384) or Ed25519 (EdDSA). ES512 is not supported. At \
         most 8 keys may have no id, including secrets and keys of `auth.jwks_file`, because a \
         token without an id is tried with each of them.",
    ),
    key(
        "auth.jwks_file",
        Field::Text(|s| &mut s.auth.jwks_file, 0..=PATH_BYTES_MAX),
        "File with a JSON Web Key Set (RFC 7517) for tokens. It may have secrets as well as public \
         keys.",
    ),
    key(
        "auth.jwks_url",
        Field::Text(|s| &mut s.auth.jwks_url, 0..=URL_BYTES_MAX),
        "Address of a JSON Web Key Set for tokens, as identity providers publish it. The set is \
         fetched at the start, after each `auth.jwks_refresh`, and when a token names an unknown \
         key, but then at most every 10s. The address begins with `https://`, or with `http://` if \
         it is on this host or `auth.insecure` is true. It has no user or password. The server \
         follows no redirects and uses no proxy of the environment. It checks the certificate with \
         the authorities of the host (`SSL_CERT_FILE` names others).",
    ),
    key(
        "auth.jwks_refresh",
        Field::Time(|s| &mut s.auth.jwks_refresh, SHORT),
        "Time after which the key set of `auth.jwks_url` is fetched again. A key that is removed \
         from the set is refused after this time, or after `auth.jwks_age_max` while the set \
         cannot be fetched.",
    ),
    key(
        "auth.jwks_age_max",
        Field::Time(|s| &mut s.auth.jwks_age_max, AGES),
        "Time for which the keys of the last fetch stay in use while the key set of \
         `auth.jwks_url` cannot be fetched. After this time, clients with tokens of these keys get \
         503 until a fetch succeeds.",
    ),
    key(
        "auth.issuers",
        Field::List(|s| &mut s.auth.issuers),
        "Issuers whose tokens are accepted: the claim `iss` must be one of them. An empty list \
         accepts tokens of any issuer.",
    ),
    key(
        "auth.audiences",
        Field::List(|s| &mut s.auth.audiences),
        "Audiences of tokens: the claim `aud` must be or contain one of them. An empty list \
         accepts tokens for any audience.",
    ),
    key(
        "auth.leeway",
        Field::Time(|s| &mut s.auth.leeway, FROM_ZERO),
        "Difference allowed between the clocks of the issuer and of the server, for the claims \
         `exp`, `nbf` and `iat`.",
    ),
    key(
        "auth.user_claim",
        Field::Text(|s| &mut s.auth.user_claim, 1..=64),
        "Claim that names the user. Its value is a text or a whole number.",
    ),
    key(
        "auth.token_length",
        Field::Size(|s| &mut s.auth.token_length, 256..=HEAD_BYTES_CEILING),
        "Maximum length of a token. A longer one is refused before it is decoded. The token must \
         also fit into `limits.head`.",
    ),
    key(
        "auth.require_exp",
        Field::Switch(|s| &mut s.auth.require_exp),
        "Whether a token without `exp` is refused.",
    ),
    key(
        "auth.token_age_max",
        Field::TimeOr(|s| &mut s.auth.token_age_max, TOKEN_AGES, "off"),
        "Maximum age of a token: it ends this time after its `iat`, even if its `exp` is later. A \
         token without `iat` is refused. A revocation of a user is kept for this time; with `off` \
         it is kept without end.",
    ),
    key(
        "auth.revoked_users",
        Field::List(|s| &mut s.auth.revoked_users),
        "Users whose older tokens are refused: each entry has a user and a time, and refuses \
         tokens that were issued (`iat`) before it. Tokens of these users without `iat` are \
         refused as well. Connections that are open stay. Remove an entry when the tokens have \
         expired. At most 10000 entries.",
    ),
    key(
        "auth.revoked_tokens",
        Field::List(|s| &mut s.auth.revoked_tokens),
        "Ids (`jti`) of tokens that are refused. Remove an id when its token has expired.",
    ),
    key(
        "auth.revocations_file",
        Field::Text(|s| &mut s.auth.revocations_file, 0..=PATH_BYTES_MAX),
        "File (JSON) that keeps the revocations by the API, so that a restart loses none of them. \
         The server makes the file, reads it when it starts, and replaces it at each change. The \
         server must be able to write in its folder, and each server needs a file of its own. \
         SIGHUP does not change it. Without a file, these revocations end with the server.",
    ),
    key(
        "auth.cookie",
        Field::Text(|s| &mut s.auth.cookie, 0..=64),
        "Name of the cookie in which pages send their token. Without a name, cookies are not read. \
         A cookie counts only for pages whose origin `http.origins` lists by exact name, and for \
         the server's own pages; otherwise a page of an attacker could use the cookie of its \
         visitor.",
    ),
    key(
        "auth.query",
        Field::Text(|s| &mut s.auth.query, 0..=64),
        "Name of the URL parameter that may have the token, such as `access_token`. Without a \
         name, parameters are not read. The server logs no URL, but proxies and browsers do: \
         prefer `Sec-WebSocket-Protocol` (PROTOCOL.md).",
    ),
    key(
        "auth.api_keys",
        Field::List(|s| &mut s.auth.api_keys),
        "API keys: a name, and the SHA-256 of the key in hexadecimal digits. Clients send the key \
         in `X-API-Key`, or as `Authorization: apikey KEY`. `rules` say what each may do. `openssl \
         rand -hex 32` makes a key, and `printf KEY | sha256sum` its hash.",
    ),
    key(
        "auth.rules",
        Field::List(|s| &mut s.auth.rules),
        "What clients may do: `CLIENTS ACTIONS TOPIC` or `deny CLIENTS ACTIONS TOPIC`. The first \
         rule that matches the client, the action and the topic decides; if no rule matches, the \
         action is denied. CLIENTS: `anyone`, `anonymous`, `users`, `user:NAME`, `keys`, \
         `key:NAME`, `certificates` or `certificate:NAME`; a NAME with spaces is in quotes. \
         ACTIONS: `subscribe`, `publish`, `presence`, `history`, several of them with `+` between, \
         or `all` of these; for API keys also `manage`, with the name of a user or the id of a \
         token as TOPIC. TOPIC: a name in which `+` stands for one level between `/`, `#` for the \
         rest, both also after the first `:`, `{user}` for the client's user, `{certificate}` for \
         the name of its certificate, `{claim.NAME}` for a claim of its token, and `{id}`, or any \
         other name, for characters except `/` and `:`.",
    ),
    key(
        "auth.anonymous",
        Field::Switch(|s| &mut s.auth.anonymous),
        "Whether clients without a token, API key or certificate are served, as the rules for \
         `anonymous` and `anyone` allow. If not, they are answered with 401.",
    ),
    key(
        "auth.user_topics",
        Field::Switch(|s| &mut s.auth.user_topics),
        "Whether each client of the structured protocol that has a user is subscribed to the topic \
         of this user when it connects: the user ann to `#ann`.",
    ),
    key(
        "auth.insecure",
        Field::Switch(|s| &mut s.auth.insecure),
        "Whether every client may do everything, for development. Tokens and keys that are sent \
         are checked nevertheless. If this is false and this section has no other key, the server \
         refuses to start on an address that other hosts reach, also if systemd opened the socket. \
         Exceptions are listeners that require client certificates, paths of Unix-domain sockets, \
         and the admin port.",
    )
    .flag("--insecure"),
];

/// A key that was stolen is worth nothing after the longest of them.
const AGES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
/// A token is used for a connection that may be open for months.
const TOKEN_AGES: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
/// Far longer than any hash can use.
const SECRET_BYTES: RangeInclusive<usize> = 0..=1024;
/// As long as most servers accept.
const URL_BYTES_MAX: usize = 8192;
