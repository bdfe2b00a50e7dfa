//! What comes over a connection with subscriptions, in RESP2 (the protocol of Redis).

/// Bytes of one text at most: more than a message may have.
const TEXT_MAX: usize = 64 << 20;
/// Bytes of a line with a number or an error at most.
const LINE_MAX: usize = 64 << 10;
/// Parts of a reply at most; a message has three.
const PARTS_MAX: usize = 16;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply<'b> {
    Text(&'b [u8]),
    Number(i64),
    Error(&'b [u8]),
    Nil,
    Parts(Vec<Self>),
}

/// These bytes are no reply that is expected on such a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not in the protocol of Redis")]
pub(crate) struct RespError;

/// The first reply with its length, or `None` while it is incomplete.
///
/// # Errors
///
/// [`RespError`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, RespError> {
    let mut at = 0;
    let reply = read(bytes, &mut at, true)?;
    Ok(reply.map(|reply| (reply, at)))
}

fn read<'b>(
    bytes: &'b [u8],
    at: &mut usize,
    is_outer: bool,
) -> Result<Option<Reply<'b>>, RespError> {
    let Some(line) = line(bytes, at)? else {
        return Ok(None);
    };
    let (kind, rest) = line.split_first().ok_or(RespError)?;
    Ok(Some(match kind {
        b'+' => Reply::Text(rest),
        b'-' => Reply::Error(rest),
        b':' => Reply::Number(number(rest)?),
        b'$' => match length(rest, TEXT_MAX)? {
            None => Reply::Nil,
            Some(len) => {
                let Some(text) = bytes.get(*at..*at + len + 2) else {
                    return Ok(None);
                };
                *at += len + 2;
                Reply::Text(text.strip_suffix(b"\r\n").ok_or(RespError)?)
            }
        },
        b'*' if is_outer => match length(rest, PARTS_MAX)? {
            None => Reply::Nil,
            Some(len) => {
                let mut parts = Vec::with_capacity(len);
                for _ in 0..len {
                    let Some(part) = read(bytes, at, false)? else {
                        return Ok(None);
                    };
                    parts.push(part);
                }
                Reply::Parts(parts)
            }
        },
        _ => return Err(RespError),
    }))
}

fn line<'b>(bytes: &'b [u8], at: &mut usize) -> Result<Option<&'b [u8]>, RespError> {
    let rest = &bytes[*at..];
    let Some(end) = rest.iter().take(LINE_MAX).position(|byte| *byte == b'\n') else {
        return if rest.len() < LINE_MAX {
            Ok(None)
        } else {
            Err(RespError)
        };
    };
    *at += end + 1;
    rest[..end].strip_suffix(b"\r").map(Some).ok_or(RespError)
}

fn number(text: &[u8]) -> Result<i64, RespError> {
    let text = str::from_utf8(text).map_err(|_| RespError)?;
    text.parse().map_err(|_| RespError)
}

/// A length; `None` for that of what is not there.
fn length(text: &[u8], max: usize) -> Result<Option<usize>, RespError> {
    match number(text)? {
        -1 => Ok(None),
        len => {
            let len = usize::try_from(len).ok().filter(|len| *len <= max);
            len.map(Some).ok_or(RespError)
        }
    }
}

/// Appends a command.
pub(crate) fn encode<'a>(out: &mut Vec<u8>, parts: impl ExactSizeIterator<Item = &'a [u8]>) {
    out.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}
