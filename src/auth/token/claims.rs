//! The claims of a token whose signature is right.

use serde_json::{Map, Value};

use crate::auth::principal::{Identity, Principal};
use crate::auth::rights::{Right, Rights};
use crate::auth::rules::Action;
use crate::auth::token::verifier::Expected;
use crate::denial::Denial;
use crate::limits::{TOKEN_CAP_TOPICS_MAX, TOKEN_CAPS_MAX, TOPIC_BYTES_MAX, USER_BYTES_MAX};

type Claims = Map<String, Value>;

/// Checks the claims, and returns the client that they describe.
pub(in crate::auth) fn check(
    claims: Claims,
    expected: &Expected,
    now: u64,
) -> Result<Principal, Denial> {
    // A token for one subscription is none for a connection.
    if claims.contains_key("channel") {
        return Err(Denial::Claims);
    }
    let rights = rights(&claims)?;
    let client = check_common(claims, expected, now)?;
    Ok(Principal { rights, ..client })
}

/// The same for a token for one subscription, which names that in the claim `channel`, and gives no
/// other rights.
pub(in crate::auth) fn check_subscription(
    claims: Claims,
    expected: &Expected,
    now: u64,
) -> Result<Principal, Denial> {
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    if !claims.contains_key("channel") || !is_text("channel") || !is_text("client") {
        return Err(Denial::Claims);
    }
    check_common(claims, expected, now)
}

fn check_common(claims: Claims, expected: &Expected, now: u64) -> Result<Principal, Denial> {
    let expiry = end(&claims, expected)?;
    let leeway = expected.leeway;
    // A host without a clock cannot tell whether an end has come.
    let is_over = |end: u64| now == 0 || end.saturating_add(leeway) <= now;
    if expiry.is_some_and(is_over) {
        return Err(Denial::Expired);
    }
    for name in ["nbf", "iat"] {
        let from = time(&claims, name)?;
        if from.is_some_and(|from| now.saturating_add(leeway) < from) {
            return Err(Denial::NotYetValid);
        }
    }
    check_party(&claims, "iss", &expected.issuers, Denial::Issuer)?;
    check_party(&claims, "aud", &expected.audiences, Denial::Audience)?;
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    if !is_text("jti") || !is_text("b64info") {
        return Err(Denial::Claims);
    }
    let user = user(&claims, &expected.user_claim)?;
    let expires_at = match time(&claims, "expire_at")? {
        None => expiry,
        Some(0) => None,
        Some(end) if is_over(end) => return Err(Denial::Expired),
        end => end,
    };
    Ok(Principal {
        identity: Identity::User(user),
        rights: Rights::default(),
        expires_at,
        claims,
    })
}

/// When the token ends: at its `exp`, and not later than at its maximum age.
fn end(claims: &Claims, expected: &Expected) -> Result<Option<u64>, Denial> {
    let expiry = time(claims, "exp")?;
    if expected.requires_expiry && expiry.is_none() {
        return Err(Denial::Claims);
    }
    let Some(age) = expected.age_max else {
        return Ok(expiry);
    };
    let issued = time(claims, "iat")?.ok_or(Denial::Claims)?;
    let end = issued.saturating_add(age);
    Ok(Some(expiry.map_or(end, |expiry| expiry.min(end))))
}

/// A time in seconds since the beginning of 1970, perhaps with a fraction (RFC 7519 section 2).
pub(in crate::auth) fn time(claims: &Claims, name: &str) -> Result<Option<u64>, Denial> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and no time is negative"
    )]
    let whole = |time: f64| (0.0 <= time).then_some(time as u64);
    let time = value.as_u64().or_else(|| whole(value.as_f64()?));
    time.map(Some).ok_or(Denial::Claims)
}

/// Checks an issuer or an audience, each of which may be a list. Without a list of those that are
/// expected, any is right.
fn check_party(
    claims: &Claims,
    name: &str,
    expected: &[String],
    denial: Denial,
) -> Result<(), Denial> {
    let is_expected = |value: &Value| {
        let text = value.as_str();
        text.is_some_and(|text| expected.iter().any(|known| known == text))
    };
    let is_right = match claims.get(name) {
        _ if expected.is_empty() => true,
        Some(Value::Array(values)) if name == "aud" => values.iter().any(is_expected),
        Some(value) => is_expected(value),
        None => false,
    };
    is_right.then_some(()).ok_or(denial)
}

/// The user; empty if the token names none.
fn user(claims: &Claims, name: &str) -> Result<String, Denial> {
    let user = match claims.get(name) {
        None => return Ok(String::new()),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        Some(_) => return Err(Denial::Claims),
    };
    let is_right = user.len() <= USER_BYTES_MAX && !user.contains(char::is_control);
    is_right.then_some(user).ok_or(Denial::Claims)
}

/// The rights of the claims `channels`, `subs` and `caps`, as Centrifugo has them.
fn rights(claims: &Claims) -> Result<Rights, Denial> {
    let mut rights = Vec::new();
    if let Some(channels) = claims.get("channels") {
        rights.push(subscriptions(texts(channels)?));
    }
    if let Some(subs) = claims.get("subs") {
        let subs = subs.as_object().ok_or(Denial::Claims)?;
        rights.push(subscriptions(subs.keys().cloned().collect()));
    }
    if let Some(caps) = claims.get("caps") {
        let caps = caps.as_array().filter(|caps| caps.len() <= TOKEN_CAPS_MAX);
        for cap in caps.ok_or(Denial::Claims)? {
            rights.push(capability(cap)?);
        }
    }
    let mut topics = rights.iter().flat_map(|right| &right.topics);
    if topics.any(|topic| TOPIC_BYTES_MAX < topic.len()) {
        return Err(Denial::Claims);
    }
    Ok(Rights::new(rights))
}

fn subscriptions(topics: Vec<String>) -> Right {
    Right {
        topics,
        has_wildcards: false,
        allow: vec![Action::Subscribe],
    }
}

/// One of `caps`: topics, how they are matched, and what is allowed with them. A match by a
/// regular expression is refused, as this server has none.
fn capability(cap: &Value) -> Result<Right, Denial> {
    let topics = texts(cap.get("channels").ok_or(Denial::Claims)?)?;
    // Those of `channels` and `subs` are bounded by the length of a token alone.
    if TOKEN_CAP_TOPICS_MAX < topics.len() {
        return Err(Denial::Claims);
    }
    let has_wildcards = match cap.get("match").map(Value::as_str) {
        None | Some(Some("")) => false,
        Some(Some("wildcard")) => true,
        Some(_) => return Err(Denial::Claims),
    };
    let allow = cap.get("allow").ok_or(Denial::Claims)?;
    let action = |word: String| match word.as_str() {
        "sub" => Ok(Action::Subscribe),
        "pub" => Ok(Action::Publish),
        "prs" => Ok(Action::Presence),
        "hst" => Ok(Action::History),
        _ => Err(Denial::Claims),
    };
    Ok(Right {
        topics,
        has_wildcards,
        allow: texts(allow)?
            .into_iter()
            .map(action)
            .collect::<Result<_, _>>()?,
    })
}

fn texts(value: &Value) -> Result<Vec<String>, Denial> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = value
        .as_array()
        .and_then(|values| values.iter().map(text).collect());
    texts.ok_or(Denial::Claims)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
