//! `Sec-WebSocket-Extensions`, RFC 6455 9.1: a list of names with parameters.

use std::borrow::Cow;

use crate::proto::http::is_tchar;

/// One offered or negotiated extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension<'b> {
    /// Its name, a token.
    pub name: &'b str,
    /// Its parameters in order: names, and values without their quotes. All are tokens.
    pub params: Vec<(&'b str, Option<Cow<'b, str>>)>,
}

/// The field is not a list of extensions.
///
/// RFC 6455 9.1: a receiver of such a field "MUST immediately _Fail the WebSocket Connection_".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads all fields of a head, in their order: together they are one list (RFC 9110 5.3).
///
/// # Errors
///
/// A field that RFC 6455 9.1 does not allow. Empty elements are ignored (RFC 9110 5.6.1.2).
pub fn parse<'b>(fields: impl Iterator<Item = &'b [u8]>) -> Result<Vec<Extension<'b>>, Malformed> {
    let mut extensions = Vec::new();
    for field in fields {
        // The grammar has only ASCII.
        let field = std::str::from_utf8(field).map_err(|_| Malformed)?;
        parse_field(&mut Scanner { rest: field }, &mut extensions)?;
    }
    Ok(extensions)
}

fn parse_field<'b>(
    scanner: &mut Scanner<'b>,
    extensions: &mut Vec<Extension<'b>>,
) -> Result<(), Malformed> {
    loop {
        while scanner.eat(',') {}
        if scanner.rest.is_empty() {
            return Ok(());
        }
        let mut extension = Extension {
            name: scanner.token()?,
            params: Vec::new(),
        };
        while scanner.eat(';') {
            let name = scanner.token()?;
            let value = if scanner.eat('=') {
                Some(scanner.value()?)
            } else {
                None
            };
            extension.params.push((name, value));
        }
        extensions.push(extension);
        if !scanner.rest.is_empty() && !scanner.rest.starts_with(',') {
            return Err(Malformed);
        }
    }
}

/// The unread part of a field.
struct Scanner<'b> {
    rest: &'b str,
}

impl<'b> Scanner<'b> {
    /// Takes `mark` and the white space around it, if it is next.
    fn eat(&mut self, mark: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        self.skip_space();
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes a token, RFC 9110 5.6.2.
    fn token(&mut self) -> Result<&'b str, Malformed> {
        let is_end = |at: char| !u8::try_from(at).is_ok_and(is_tchar);
        let len = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.skip_space();
        if token.is_empty() {
            return Err(Malformed);
        }
        Ok(token)
    }

    /// Takes a token, or a quoted string (RFC 9110 5.6.4) whose contents are a token.
    fn value(&mut self) -> Result<Cow<'b, str>, Malformed> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return self.token().map(Cow::Borrowed);
        };
        let mut value = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next().ok_or(Malformed)? {
                '"' => break,
                '\\' => value.push(chars.next().ok_or(Malformed)?),
                other => value.push(other),
            }
        }
        self.rest = chars.as_str();
        self.skip_space();
        if value.is_empty() || !value.bytes().all(is_tchar) {
            return Err(Malformed);
        }
        Ok(Cow::Owned(value))
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, parse};

    /// The extensions of one field, each with its parameters.
    fn read(field: &str) -> Result<String, Malformed> {
        let extensions = parse([field.as_bytes()].into_iter())?;
        let mut text = String::new();
        for extension in extensions {
            text += &format!("[{}", extension.name);
            for (name, value) in extension.params {
                text += &format!(" {name}");
                text += &value.map(|value| format!("={value}")).unwrap_or_default();
            }
            text += "]";
        }
        Ok(text)
    }

    #[test]
    fn what_the_grammar_allows_is_read() {
        let check = |field: &str, expected: &str| {
            assert_eq!(read(field).as_deref(), Ok(expected), "{field:?}");
        };
        check("", "");
        check(" , ,\t", "");
        check("foo", "[foo]");
        check("foo, bar; baz=2", "[foo][bar baz=2]");
        check("foo;a;b=1;c = 2 ,, bar", "[foo a b=1 c=2][bar]");
        check("foo; a=\"1\\0\"", "[foo a=10]");
        check("foo; a=\"b\" ; c", "[foo a=b c]");
        check("\tfoo\t;\ta\t=\tb\t", "[foo a=b]");
    }

    #[test]
    fn what_it_does_not_allow_is_refused() {
        for field in [
            ";",
            "foo;",
            "foo; ",
            "foo;;a",
            "foo;a=",
            "foo;=1",
            "foo bar",
            "foo;a b",
            "foo=1",
            "foo;a=\"",
            "foo;a=\"b",
            "foo;a=\"b\\",
            "foo;a=\"\"",
            "foo;a=\"b c\"",
            "foo;a=\"b\"c",
            "foo;a=\"b,c\"",
            "föö",
            "foo;a=\"ö\"",
            "foo\u{0}",
            "\"foo\"",
            "foo;a=b=c",
            "foo,;",
        ] {
            assert_eq!(read(field), Err(Malformed), "{field:?}");
        }
        let latin = parse([&b"f\xf6\xf6"[..]].into_iter());
        assert_eq!(latin, Err(Malformed));
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = [&b"foo"[..], b"", b"bar; a, baz"];
        let names = parse(fields.into_iter()).unwrap();
        let names: Vec<_> = names.iter().map(|extension| extension.name).collect();
        assert_eq!(names, ["foo", "bar", "baz"]);
    }
}
