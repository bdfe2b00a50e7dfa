//! Whether bytes are JSON (RFC 8259), without a value being made of it.
//!
//! By hand, as it is done for each message: `serde_json` allocates for what is nested.

/// How deep arrays and objects may be in each other: what readers accept, such as `serde_json`.
const DEPTH_MAX: usize = 128;

/// Whether UTF-8 is one JSON value, and if so whether it has line breaks.
pub(super) fn check(text: &[u8]) -> Option<bool> {
    let mut reader = Reader {
        text,
        at: 0,
        has_breaks: false,
    };
    reader.value()?;
    reader.skip_space();
    (reader.at == text.len()).then_some(reader.has_breaks)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    has_breaks: bool,
}

/// Which of the open arrays and objects are objects, the innermost in the lowest bit.
#[derive(Default)]
struct Open {
    objects: u128,
    depth: usize,
}

const _: () = assert!(DEPTH_MAX <= u128::BITS as usize);

impl Open {
    fn push(&mut self, is_object: bool) -> Option<()> {
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        (self.depth <= DEPTH_MAX).then_some(())
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn is_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

impl Reader<'_> {
    /// One value with all that is in it.
    fn value(&mut self) -> Option<()> {
        let mut open = Open::default();
        loop {
            let is_complete = self.begin(&mut open)?;
            if is_complete && self.end(&mut open)? {
                return Some(());
            }
        }
    }

    /// The beginning of a value, up to the first in it. Whether it has none.
    fn begin(&mut self, open: &mut Open) -> Option<bool> {
        self.skip_space();
        let first = self.next()?;
        let end = match first {
            b'{' => b'}',
            b'[' => b']',
            _ => {
                self.scalar(first)?;
                return Some(true);
            }
        };
        open.push(first == b'{')?;
        self.skip_space();
        if self.peek() == Some(end) {
            self.at += 1;
            open.pop();
            return Some(true);
        }
        if first == b'{' {
            self.name()?;
        }
        Some(false)
    }

    /// What is after a value, up to the next. Whether there is none.
    fn end(&mut self, open: &mut Open) -> Option<bool> {
        while 0 < open.depth {
            self.skip_space();
            match (self.next()?, open.is_object()) {
                (b',', true) => {
                    self.skip_space();
                    self.name()?;
                    return Some(false);
                }
                (b',', false) => return Some(false),
                (b'}', true) | (b']', false) => open.pop(),
                _ => return None,
            }
        }
        Some(true)
    }

    /// The name of a member, and its colon.
    fn name(&mut self) -> Option<()> {
        self.literal(b"\"")?;
        self.string()?;
        self.skip_space();
        self.literal(b":")
    }

    /// A value that has none in it, after its first byte.
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            b'-' => {
                let digit = self.next()?;
                self.number(digit)
            }
            digit => self.number(digit),
        }
    }

    /// A string after its first quote.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            self.next().filter(u8::is_ascii_hexdigit)?;
                        }
                    }
                    _ => return None,
                },
                ..0x20 => return None,
                _ => {}
            }
        }
    }

    /// A number from its first digit on.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        self.next().filter(u8::is_ascii_digit)?;
        self.skip_digits();
        Some(())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.has_breaks |= matches!(byte, b'\r' | b'\n');
            self.at += 1;
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        let is_next = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        is_next.then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;
    use crate::internals::Rng;

    /// Against `serde_json`, at every cut.
    fn compare(text: &str) {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let text = &text[..end];
            let expected = serde_json::from_str::<IgnoredAny>(text).is_ok();
            assert_eq!(check(text.as_bytes()).is_some(), expected, "{text:?}");
        }
    }

    #[test]
    fn values_are_known_and_their_beginnings_are_not() {
        let values = [
            r#" { "a" : [ 1 , -0.5e+10 , true , false , null , "x\u00e4\"\n" ] , "b" : { } } "#,
            "[[],[[]],{},{\"\":[]}]",
            "-0",
            "10.25E-3 ",
            "\"ä\\/\\b\"",
        ];
        for value in values {
            assert_eq!(check(value.as_bytes()), Some(false), "{value}");
            compare(value);
        }
        let wrong = [
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "tru",
            "nulll",
            "[1,]",
            "{,}",
            "{\"a\"}",
            "{1:2}",
            "[1 2]",
            "]",
            "[}",
            "{]",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "1 2",
            "{\"a\":1,}",
        ];
        for value in wrong {
            assert_eq!(check(value.as_bytes()), None, "{value}");
            compare(value);
        }
    }

    #[test]
    fn texts_of_the_letters_of_json_are_judged_as_serde_json_does() {
        let letters = [
            "{", "}", "[", "]", "\"", ",", ":", "1", "0", "-", ".", "e", "true", "null", " ", "\\",
            "\"a\"", "\"a\":", "u00e4",
        ];
        let mut rng = Rng::new(3);
        for _ in 0..50_000 {
            let len = 1 + rng.below(8);
            let text: String = (0..len)
                .map(|_| letters[rng.below(letters.len())])
                .collect();
            compare(&text);
        }
    }

    #[test]
    fn line_breaks_between_tokens_are_seen() {
        for text in ["\n1", "1\r\n", "[\n]", "{\"a\"\n:1}", "{\"a\":1,\n\"b\":2}"] {
            assert_eq!(check(text.as_bytes()), Some(true), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_deep_is_no_json() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Some(false));
        assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()), None);
    }
}
