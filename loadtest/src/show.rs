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
    /// Where it was last.
    position: u64,
    /// The least that was said to be left of the stage.
    left_s: f64,
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
const WITH_TOTAL: &str = "{msg:<12} {wide_bar} {human_pos} of {human_len}  {per_sec}  {prefix}";
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
        let per_s = position.saturating_sub(self.began_with) as f64 / seconds(self.began_at, now);
        match &mut self.way {
            Way::Quiet => {}
            Way::Bars(bar) if now - self.shown_at >= BAR_EVERY_NS => {
                self.shown_at = now;
                let left = left(stage, position, per_s, &mut self.left_s);
                let bar = bar.get_or_insert_with(|| new_bar(stage));
                bar.set_prefix(left);
                bar.set_position(position);
            }
            Way::Lines if now - self.shown_at >= LINE_EVERY_NS => {
                self.shown_at = now;
                let left = left(stage, position, per_s, &mut self.left_s);
                // A terminal that went away is no reason to end a run.
                drop(writeln!(
                    stderr(),
                    "loadtest: {}",
                    line(stage, position, per_s, &left)
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

/// What is left of a stage: `8 s left`. It is never more than was said before, `said`: where it
/// turns out to be more, that is said instead.
fn left(stage: Stage<'_>, position: u64, per_s: f64, said: &mut f64) -> String {
    let all = stage.total.unwrap_or(0);
    let is_moving = per_s.is_finite() && 0.0 < per_s;
    if all <= position || !is_moving {
        return String::new();
    }
    let left_s = ((all - position) as f64 / per_s).round();
    if *said < left_s {
        return format!("more than {said:.0} s left");
    }
    *said = left_s;
    format!("{left_s:.0} s left")
}

/// `deliveries 200 of 1000 (20 %), 100/s, 8 s left`
fn line(stage: Stage<'_>, position: u64, per_s: f64, left: &str) -> String {
    let Stage { what, total } = stage;
    let mut text = format!("{what} {position}");
    let total = total.unwrap_or(0);
    if total > 0 {
        let percent = 100.0 * position as f64 / total as f64;
        text.push_str(&format!(" of {total} ({percent:.0} %)"));
    }
    text.push_str(&format!(", {per_s:.0}/s"));
    if !left.is_empty() {
        text.push_str(&format!(", {left}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let text = line(Stage::of("deliveries", 1000), 200, 100.0, "8 s left");
        assert_eq!(text, "deliveries 200 of 1000 (20 %), 100/s, 8 s left");
        assert_eq!(line("deliveries".into(), 5, 2.0, ""), "deliveries 5, 2/s");
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
        assert_eq!(left(stage, 200, 100.0, &mut said), "8 s left");
        assert_eq!(left(stage, 300, 50.0, &mut said), "more than 8 s left");
        assert_eq!(left(stage, 400, 60.0, &mut said), "more than 8 s left");
        assert_eq!(left(stage, 600, 50.0, &mut said), "8 s left");
        assert_eq!(left(stage, 900, 100.0, &mut said), "1 s left");
        assert_eq!(left(stage, 1000, 100.0, &mut said), "");
        assert_eq!(left("deliveries".into(), 5, 2.0, &mut said), "");
    }

    #[test]
    fn templates_are_in_order() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
