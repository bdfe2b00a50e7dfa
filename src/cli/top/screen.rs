//! The terminal: it is taken as it is, and given back as it was.

use std::env;
use std::io::{self, IsTerminal, Write, stderr, stdin, stdout};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use crate::cli::top::page::{Line, Size, Tone};

/// The terminal, while it shows the view.
pub(super) struct Screen {
    /// How its input was, if that is this terminal's as well.
    before: Option<Termios>,
    has_color: bool,
}

/// Whether a screen can be shown.
pub(super) fn is_possible() -> bool {
    let kind = env::var("TERM").unwrap_or_default();
    stdout().is_terminal() && !kind.is_empty() && kind != "dumb"
}

impl Screen {
    /// Shows another screen than what was there, and takes keys without a line feed.
    pub(super) fn enter() -> io::Result<Self> {
        let before = match stdin().is_terminal() {
            true => Some(tcgetattr(stdin())?),
            false => None,
        };
        let screen = Self {
            before,
            has_color: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        if let Some(before) = &screen.before {
            let mut raw = before.clone();
            // Signals stay, but for Ctrl-Z: it would leave this screen behind.
            raw.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
            raw.special_codes[SpecialCodeIndex::VSUSP] = 0;
            raw.special_codes[SpecialCodeIndex::VMIN] = 1;
            raw.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        }
        write(ENTER)?;
        Ok(screen)
    }

    /// Whether keys can be pressed.
    pub(super) fn has_keys(&self) -> bool {
        self.before.is_some()
    }

    /// Its size now.
    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(stdout()) {
            Ok(size) if size.ws_col != 0 && size.ws_row != 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => Size {
                columns: 80,
                rows: 24,
            },
        }
    }

    /// Shows these lines and nothing else.
    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = HOME.to_owned();
        for (index, line) in lines.iter().enumerate() {
            if index != 0 {
                text += "\r\n";
            }
            let tone = match line.tone {
                Tone::Plain => "",
                Tone::Heading => "\x1b[1m",
                Tone::Bad if self.has_color => "\x1b[1;31m",
                Tone::Bad => "\x1b[7m",
                Tone::Faint => "\x1b[2m",
            };
            text += &format!("{tone}{}\x1b[0m{REST_OF_LINE}", line.text);
        }
        write(&(text + REST))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone.
        write(LEAVE).ok();
        if let Some(before) = &self.before {
            tcsetattr(stdin(), OptionalActions::Drain, before).ok();
        }
        stderr().flush().ok();
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Another screen, without a cursor, where what is too long does not go on in the next line
/// (xterm's control sequences, which terminals of today share).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
/// Erase the rest of the line, or of the screen.
const REST_OF_LINE: &str = "\x1b[K";
const REST: &str = "\x1b[J";
