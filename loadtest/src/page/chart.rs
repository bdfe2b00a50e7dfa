//! A chart as inline SVG: curves over one axis, with a legend, and figures where the mouse rests.

use crate::page::curve::{BOTTOM, COLOURS, Frame, HEIGHT, stacked};
use crate::page::html::Escaped;
use crate::page::scale::Scale;
use crate::page::unit::{Unit, number};

pub(crate) use crate::page::curve::Curve;

/// What a chart shows.
#[derive(Clone, Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// What the numbers count.
    pub(crate) unit: Unit,
    pub(crate) across: Across<'a>,
    pub(crate) curves: Vec<Curve>,
    /// Whether curves lie on top of each other, with their areas filled.
    pub(crate) is_stacked: bool,
}

/// What goes from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Across<'a> {
    pub(crate) label: &'a str,
    /// A place in words.
    pub(crate) told: fn(f64) -> String,
    /// Where it begins and ends.
    pub(crate) ends: (f64, f64),
    /// Places with what is written there; round numbers where there are none.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Lines from top to bottom with what is written at them.
    pub(crate) marks: Vec<(f64, String)>,
}

const WIDTH: f64 = 520.0;
const TOP: f64 = 34.0;
const RIGHT: f64 = WIDTH - 14.0;
/// Of a letter at 12 px.
const LETTER: f64 = 7.0;
const TICKS: usize = 5;
/// Places with figures for the mouse.
const BANDS_MAX: usize = 100;
/// With a greater spread, small numbers cannot be told apart on an even axis.
const EVEN_SPREAD_MAX: f64 = 30.0;

impl Chart<'_> {
    /// Draws it; nothing without points.
    pub(crate) fn draw(&self) -> String {
        let curves = if self.is_stacked {
            stacked(&self.curves)
        } else {
            self.curves.clone()
        };
        let values = || {
            curves
                .iter()
                .flat_map(|curve| curve.points.iter().filter_map(|(_, value)| *value))
        };
        let max = values().fold(f64::NEG_INFINITY, f64::max);
        if !max.is_finite() {
            return String::new();
        }
        let least = values()
            .filter(|value| *value > 0.0)
            .fold(f64::INFINITY, f64::min);
        let frame = self.frame(least, max);
        let mut svg = self.axes(&frame);
        // The last curve first, so that those below stay in sight.
        for (index, curve) in curves.iter().enumerate().rev() {
            if self.is_stacked {
                let below = index.checked_sub(1).and_then(|index| curves.get(index));
                svg.push_str(&frame.area(index, curve, below));
            }
            svg.push_str(&frame.curve(index, curve));
        }
        svg.push_str(&self.bands(&frame));
        let title = Escaped(self.title);
        format!(
            "<div class=\"card\">\n<h3>{title}</h3>\n{}<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"{title}\">\n{svg}</svg>\n</div>\n",
            self.legend()
        )
    }

    fn frame(&self, least: f64, max: f64) -> Frame {
        let measure = self.unit.measure(max);
        let is_even =
            self.is_stacked || self.unit != Unit::Micros || max <= least * EVEN_SPREAD_MAX;
        let (low, high) = (least / measure.divisor, max / measure.divisor);
        let y = if is_even {
            Scale::linear(0.0, high, TICKS)
        } else {
            Scale::logarithmic(low, high)
        };
        let longest = y
            .ticks(TICKS)
            .into_iter()
            .map(|tick| number(tick).len())
            .max();
        let left = 18.0 + LETTER * longest.unwrap_or(1).max(3) as f64;
        let (from, to) = self.across.ends;
        Frame {
            measure,
            x: Scale::exact(from, to).between(left, RIGHT),
            y: y.between(BOTTOM, TOP),
            left,
        }
    }

    fn legend(&self) -> String {
        let entry = |(index, curve): (usize, &Curve)| {
            let colour = index % COLOURS;
            format!(
                "<span><i class=\"k{colour}\"></i>{}</span>",
                Escaped(&curve.name)
            )
        };
        let entries: String = self.curves.iter().enumerate().map(entry).collect();
        format!("<div class=\"legend\">{entries}</div>\n")
    }

    fn axes(&self, frame: &Frame) -> String {
        let Frame {
            x,
            y,
            left,
            measure,
        } = frame;
        let mut svg = String::new();
        for tick in y.ticks(TICKS) {
            let (at, text) = (y.place(tick), number(tick));
            svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
                left - 6.0,
                at + 4.0
            ));
        }
        let mut taken = f64::NEG_INFINITY;
        for (place, text) in self.ticks_across(frame) {
            let at = x.place(place);
            let half = LETTER * text.chars().count() as f64 / 2.0;
            if at - half < taken {
                continue;
            }
            taken = at + half + LETTER;
            svg.push_str(&format!(
                "<line class=\"axis\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{BOTTOM}\" y2=\"{:.1}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                BOTTOM + 4.0,
                BOTTOM + 17.0,
                Escaped(&text)
            ));
        }
        svg.push_str(&self.marks(x, 12.0 + LETTER * measure.label.chars().count() as f64));
        svg.push_str(&format!(
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{RIGHT}\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\"/>\
             <text x=\"4\" y=\"12\">{}</text>\
             <text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            Escaped(measure.label),
            HEIGHT - 6.0,
            Escaped(self.across.label)
        ));
        svg
    }

    fn ticks_across(&self, frame: &Frame) -> Vec<(f64, String)> {
        if self.across.ticks.is_empty() {
            let ticks = frame.x.ticks(6).into_iter();
            return ticks.map(|tick| (tick, number(tick))).collect();
        }
        self.across.ticks.clone()
    }

    /// Lines from top to bottom; a text that would lie on another one goes a line below, or goes.
    fn marks(&self, x: &Scale, unit_ends: f64) -> String {
        let mut svg = String::new();
        let mut taken = [unit_ends, f64::NEG_INFINITY];
        for (place, name) in &self.across.marks {
            let at = x.place(*place);
            svg.push_str(&format!(
                "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{BOTTOM}\"/>",
                TOP - 2.0
            ));
            let width = LETTER * name.chars().count() as f64;
            let begin = (at - width / 2.0).clamp(4.0, (RIGHT - width).max(4.0));
            let Some(line) = taken
                .iter()
                .position(|end| *end + LETTER < begin + width / 2.0)
            else {
                continue;
            };
            let begin = begin.max(taken[line] + LETTER);
            taken[line] = begin + width;
            svg.push_str(&format!(
                "<text x=\"{begin:.1}\" y=\"{:.1}\">{}</text>\n",
                if line == 0 { 12.0 } else { 25.0 },
                Escaped(name)
            ));
        }
        svg
    }

    /// Places where the mouse shows all figures.
    fn bands(&self, frame: &Frame) -> String {
        let Some(longest) = self.curves.iter().max_by_key(|curve| curve.points.len()) else {
            return String::new();
        };
        let every = longest.points.len().div_ceil(BANDS_MAX).max(1);
        let places: Vec<f64> = longest
            .points
            .iter()
            .step_by(every)
            .map(|(place, _)| *place)
            .collect();
        let mut svg = String::new();
        for (index, place) in places.iter().enumerate() {
            let at = frame.x.place(*place);
            let middle = |other: Option<&f64>, end: f64| {
                other.map_or(end, |other| (frame.x.place(*other) + at) / 2.0)
            };
            let before = index.checked_sub(1).and_then(|index| places.get(index));
            let (from, to) = (
                middle(before, frame.left),
                middle(places.get(index + 1), RIGHT),
            );
            let width = (to - from).max(0.5);
            svg.push_str(&format!(
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\">\
                 <title>{}</title></rect>\n",
                BOTTOM - TOP,
                Escaped(&self.figures(*place))
            ));
        }
        svg
    }

    /// What all curves have at a place, or next to it on the right.
    fn figures(&self, place: f64) -> String {
        let mut text = (self.across.told)(place);
        for curve in &self.curves {
            let index = curve.points.partition_point(|(other, _)| *other < place);
            if let Some((_, Some(value))) = curve.points.get(index) {
                text.push_str(&format!("\n{}: {}", curve.name, self.unit.text(*value)));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_may_have_a_name_longer_than_the_chart() {
        let name = "long".repeat(40);
        let chart = Chart {
            title: "Title",
            unit: Unit::Count,
            across: Across {
                label: "seconds",
                told: |place| place.to_string(),
                ends: (0.0, 1.0),
                ticks: Vec::new(),
                marks: vec![(0.5, name.clone())],
            },
            curves: vec![Curve {
                name: "curve".to_owned(),
                points: vec![(0.0, Some(1.0)), (1.0, Some(2.0))],
            }],
            is_stacked: false,
        };
        assert!(chart.draw().contains(&name));
    }
}
