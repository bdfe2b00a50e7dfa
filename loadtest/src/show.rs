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
    /// Where it ends, if that is known.
    total: Option<u64>,
}

/// Shows how far a run is.
#[derive(Debug)]
pub(crate) struct Show {
    way: Way,
    /// What is shown.
    what: String,
    began_at: u64,
    /// Where the stage was when it began.
    began_with: u64,
    shown_at: u64,
}

#[derive(Debug)]
enum Way {
    Quiet,
    Lines,
    /// With the bar of the current stage.
    Bars(Option<ProgressBar>),
}

const BAR_EVERY_NS: u64 = 200 * MILLISECOND;
const LINE_EVERY_NS: u64 = 5 * SECOND;
const WITH_TOTAL: &str = "{msg:<12} {wide_bar} {human_pos} of {human_len}  {per_sec}  {eta} left";
const WITHOUT_TOTAL: &str = "{msg:<12} {human_pos}  {per_sec}  after {elapsed}";

impl<'a> Stage<'a> {
    /// A stage that ends when there are `total`.
    pub(crate) fn of(what: &'a str, total: u64) -> Self {
        Self {
            what,
            total: Some(total),
        }
    }
}

impl<'a> From<&'a str> for Stage<'a> {
    fn from(what: &'a str) -> Self {
        Self { what, total: None }
    }
}

impl Show {
    /// Shows nothing if it is to be `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let way = match (quiet, stderr().is_terminal()) {
            (true, _) => Way::Quiet,
            (false, true) => Way::Bars(None),
            (false, false) => Way::Lines,
        };
        Self {
            way,
            what: String::new(),
            began_at: 0,
            began_with: 0,
            shown_at: 0,
        }
    }

    /// The run has come this far; to be called as often as one likes.
    pub(crate) fn at(&mut self, stage: Stage<'_>, position: u64) {
        let now = now_ns();
        if self.what != stage.what {
            stage.what.clone_into(&mut self.what);
            (self.began_at, self.began_with, self.shown_at) = (now, position, now);
            self.clear();
        }
        match &mut self.way {
            Way::Quiet => {}
            Way::Bars(bar) if now - self.shown_at >= BAR_EVERY_NS => {
                self.shown_at = now;
                bar.get_or_insert_with(|| new_bar(stage))
                    .set_position(position);
            }
            Way::Lines if now - self.shown_at >= LINE_EVERY_NS => {
                self.shown_at = now;
                let per_s =
                    (position - self.began_with.min(position)) as f64 / seconds(self.began_at, now);
                // A terminal that went away is no reason to end a run.
                drop(writeln!(
                    stderr(),
                    "loadtest: {}",
                    line(stage, position, per_s)
                ));
            }
            Way::Bars(_) | Way::Lines => {}
        }
    }

    fn clear(&mut self) {
        if let Way::Bars(bar) = &mut self.way
            && let Some(bar) = bar.take()
        {
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
    let bar = ProgressBar::with_draw_target(stage.total, target);
    let template = stage.total.map_or(WITHOUT_TOTAL, |_| WITH_TOTAL);
    // The templates are ours and in order; the plain style is better than none.
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(stage.what.to_owned());
    bar
}

/// `deliveries 200 of 1000 (20 %), 100/s, 8 s left`
fn line(stage: Stage<'_>, position: u64, per_s: f64) -> String {
    let Stage { what, total } = stage;
    let mut text = format!("{what} {position}");
    let total = total.unwrap_or(0);
    if total > 0 {
        let percent = 100.0 * position as f64 / total as f64;
        text.push_str(&format!(" of {total} ({percent:.0} %)"));
    }
    text.push_str(&format!(", {per_s:.0}/s"));
    if total > position && per_s > 0.0 {
        let left_s = (total - position) as f64 / per_s;
        text.push_str(&format!(", {left_s:.0} s left"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let text = line(Stage::of("deliveries", 1000), 200, 100.0);
        assert_eq!(text, "deliveries 200 of 1000 (20 %), 100/s, 8 s left");
        assert_eq!(line("deliveries".into(), 5, 2.0), "deliveries 5, 2/s");
        assert_eq!(
            line(Stage::of("deliveries", 5), 0, 0.0),
            "deliveries 0 of 5 (0 %), 0/s"
        );
    }

    #[test]
    fn templates_are_in_order() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
