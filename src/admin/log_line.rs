//! The lines of the program's log: as text or JSON, and for the journal of systemd.

use serde_json::json;

use crate::limits::LOG_LINE_BYTES_MAX;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogLines {
    /// Each line is a JSON object.
    pub is_json: bool,
    /// The journal reads them: each begins with its priority (sd-daemon(3)), and the journal knows
    /// the time.
    pub is_journal: bool,
}

/// What one line says.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'l> {
    /// When, as RFC 3339 has it; empty if that is not known.
    pub time: &'l str,
    /// Its severity.
    pub level: log::Level,
    /// The module that says it.
    pub target: &'l str,
    /// What it says.
    pub message: &'l str,
}

impl LogLines {
    /// One line, without its end.
    pub fn line(self, line: LogLine<'_>) -> String {
        let priority = match line.level {
            _ if !self.is_journal => "",
            log::Level::Error => "<3>",
            log::Level::Warn => "<4>",
            log::Level::Info => "<6>",
            log::Level::Debug | log::Level::Trace => "<7>",
        };
        let LogLine {
            time,
            level,
            target,
            message,
        } = line;
        if self.is_json {
            // What the queue cuts is no JSON.
            let space = LOG_LINE_BYTES_MAX - priority.len();
            return format!("{priority}{}", line.json(space));
        }
        // One line is one entry.
        let message = message.replace('\n', "\\n");
        if self.is_journal {
            return format!("{priority}[{level:<5} {target}] {message}");
        }
        format!("[{time} {level:<5} {target}] {message}")
    }
}

impl LogLines {
    /// A line that is not from the `log` crate: of a panic, or of lines that were lost.
    pub(super) fn bare(self, text: &str) -> String {
        if self.is_json {
            return self.line(LogLine {
                time: "",
                level: log::Level::Error,
                target: "corecast",
                message: text,
            });
        }
        let priority = if self.is_journal { "<3>" } else { "" };
        format!("{priority}{text}")
    }
}

impl LogLine<'_> {
    /// An object of at most so many bytes: of a message that is too long, the front.
    fn json(self, space: usize) -> String {
        let level = self.level.as_str().to_ascii_lowercase();
        let mut message = self.message;
        loop {
            let (time, target) = (self.time, self.target);
            let mut object = json!({"level": level, "target": target, "message": message});
            if !time.is_empty() {
                object["time"] = json!(time);
            }
            let text = object.to_string();
            let excess = text.len().saturating_sub(space);
            if excess == 0 || message.is_empty() {
                return text;
            }
            // What is escaped may have up to six bytes for one.
            let mut end = message.len().saturating_sub(excess.div_ceil(6));
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message = &message[..end];
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn line(message: &str) -> LogLine<'_> {
        LogLine {
            time: "2026-11-30T21:00:00Z",
            level: log::Level::Warn,
            target: "corecast",
            message,
        }
    }

    fn lines(is_json: bool, is_journal: bool) -> LogLines {
        LogLines {
            is_json,
            is_journal,
        }
    }

    #[test]
    fn a_line_is_text_or_json() {
        let text = lines(false, false).line(line("disk is full"));
        assert_eq!(text, "[2026-11-30T21:00:00Z WARN  corecast] disk is full");
        let text = lines(true, false).line(line("a \"quote\"\nand a line"));
        assert!(!text.contains('\n'), "{text}");
        let json: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "time": "2026-11-30T21:00:00Z",
            "level": "warn",
            "target": "corecast",
            "message": "a \"quote\"\nand a line",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_journal_gets_the_priority_first() {
        let text = lines(false, true).line(line("disk\nis full"));
        assert_eq!(text, "<4>[WARN  corecast] disk\\nis full");
        let text = lines(true, true).line(line("disk is full"));
        assert!(text.starts_with("<4>{\""), "{text}");
    }

    #[test]
    fn a_message_that_is_too_long_leaves_an_object() {
        for part in ["x", "\u{1F600}", "\u{7}", "\"\n"] {
            let long = part.repeat(LOG_LINE_BYTES_MAX);
            for is_journal in [false, true] {
                let text = lines(true, is_journal).line(line(&long));
                assert!(text.len() <= LOG_LINE_BYTES_MAX, "{}", text.len());
                let text = text.trim_start_matches("<4>");
                let json: Value = serde_json::from_str(text).unwrap();
                let kept = json["message"].as_str().unwrap();
                assert!(long.starts_with(kept) && 100 < kept.len(), "{part:?}");
            }
        }
    }
}
