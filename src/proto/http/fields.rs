//! Header fields of a request or an answer.

use httparse::Header;

/// The values of all header fields with this name, in any case, in order.
pub(crate) fn values<'b, 'n>(
    headers: &'b [Header<'b>],
    name: &'n str,
) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
    let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
    headers.iter().filter(named).map(|header| header.value)
}

/// Whether a header field with this name lists `token`, both in any case.
///
/// RFC 9110 5.3: several fields of one name are one list.
pub(crate) fn list_token(headers: &[Header<'_>], name: &str, token: &str) -> bool {
    values(headers, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}
