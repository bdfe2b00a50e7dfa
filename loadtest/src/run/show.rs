//! How far a run is, on stderr: a bar on a terminal, a line now and then elsewhere.
//!
//! Drawn by the leader alone, a few times a second, so that no measured thread ever writes.

use std::io::{IsTerminal, Write, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::{MILLISECOND, SECOND, now_ns, seconds};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage<'a> {
    what: &'a str,
    /// Where it ends.
    total: u64,
}

/// Shows how far a run is.
pub(crate) struct Show {
    is_quiet: bool,
    /// Of the current stage, on a terminal.
    bar: Option<ProgressBar>,
    every_ns: u64,
    /// What is shown.
    what: String,
    began_at: u64,
    /// Where the stage was when it began.
    began_with: u64,
    shown_at: u64,
    /// Where it was last.
    position: u64,
    /// The least that was said to be left of the stage.
    left_s: f64,
}

const BAR_EVERY_NS: u64 = 200 * MILLISECOND;
const LINE_EVERY_NS: u64 = 5 * SECOND;
const BAR: &str = "{wide_bar} {msg}";

impl<'a> Stage<'a> {
    /// A stage that ends when there are `total`.
    pub(crate) fn of(what: &'a str, total: u64) -> Self {
        Self { what, total }
    }
}

impl Show {
    /// Shows nothing if it is to be `quiet`.
    pub(crate) fn new(is_quiet: bool) -> Self {
        let every_ns = match stderr().is_terminal() {
            true => BAR_EVERY_NS,
            false => LINE_EVERY_NS,
        };
        Self {
            is_quiet,
            bar: None,
            every_ns,
            what: String::new(),
            began_at: 0,
            began_with: 0,
            shown_at: 0,
            position: 0,
            left_s: f64::INFINITY,
        }
    }

    /// The run has come this far; to be called as often as one likes.
    pub(crate) fn at(&mut self, stage: Stage<'_>, position: u64) {
        let now = now_ns();
        // A stage of the same name may come again, as in the next round.
        if self.what != stage.what || position < self.position {
            stage.what.clone_into(&mut self.what);
            (self.began_at, self.began_with, self.shown_at) = (now, position, now);
            self.left_s = f64::INFINITY;
            self.clear();
        }
        self.position = position;
        if self.is_quiet || now - self.shown_at < self.every_ns {
            return;
        }
        self.shown_at = now;
        let per_s = position.saturating_sub(self.began_with) as f64 / seconds(self.began_at, now);
        let left = left(stage, position, per_s, &mut self.left_s);
        let line = line(stage, position, per_s, &left);
        if self.every_ns == LINE_EVERY_NS {
            // A terminal that went away is no reason to end a run.
            drop(writeln!(stderr(), "loadtest: {line}"));
            return;
        }
        let bar = self.bar.get_or_insert_with(|| new_bar(stage));
        bar.set_message(line);
        bar.set_position(position);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.clear();
    }
}

fn new_bar(stage: Stage<'_>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(Some(stage.total), target);
    // The template is ours and in order; the plain style is better than none.
    let style = ProgressStyle::with_template(BAR);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// What is left of a stage: `8 s left`. It is never more than was said before, `said`: where it
/// turns out to be more, that is said instead.
fn left(stage: Stage<'_>, position: u64, per_s: f64, said: &mut f64) -> String {
    let is_moving = per_s.is_finite() && 0.0 < per_s;
    if stage.total <= position || !is_moving {
        return String::new();
    }
    let left_s = ((stage.total - position) as f64 / per_s).round();
    if *said < left_s {
        return format!(", more than {said:.0} s left");
    }
    *said = left_s;
    format!(", {left_s:.0} s left")
}

/// `deliveries 200 of 1000 (20 %), 100/s, 8 s left`
fn line(stage: Stage<'_>, position: u64, per_s: f64, left: &str) -> String {
    let Stage { what, total } = stage;
    let percent = 100.0 * position as f64 / total.max(1) as f64;
    format!("{what} {position} of {total} ({percent:.0} %), {per_s:.0}/s{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let text = line(Stage::of("deliveries", 1000), 200, 100.0, ", 8 s left");
        assert_eq!(text, "deliveries 200 of 1000 (20 %), 100/s, 8 s left");
        assert_eq!(
            line(Stage::of("deliveries", 5), 0, 0.0, ""),
            "deliveries 0 of 5 (0 %), 0/s"
        );
    }

    #[test]
    fn what_is_left_never_goes_up() {
        let stage = Stage::of("deliveries", 1000);
        let mut said = f64::INFINITY;
        assert_eq!(left(stage, 0, 0.0, &mut said), "");
        assert_eq!(left(stage, 200, 100.0, &mut said), ", 8 s left");
        assert_eq!(left(stage, 300, 50.0, &mut said), ", more than 8 s left");
        assert_eq!(left(stage, 400, 60.0, &mut said), ", more than 8 s left");
        assert_eq!(left(stage, 600, 50.0, &mut said), ", 8 s left");
        assert_eq!(left(stage, 900, 100.0, &mut said), ", 1 s left");
        assert_eq!(left(stage, 1000, 100.0, &mut said), "");
    }

    #[test]
    fn the_template_is_in_order() {
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }
}
