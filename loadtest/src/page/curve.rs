//! The curves of a chart between its axes.

use crate::page::scale::Scale;
use crate::page::unit::Measure;

/// A curve: places from left to right, and numbers; none is a gap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// The axes of one chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) measure: Measure,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) left: f64,
}

/// Of a chart.
pub(super) const HEIGHT: f64 = 250.0;
/// Of what is drawn between the axes.
pub(super) const BOTTOM: f64 = HEIGHT - 40.0;
/// Colours there are.
pub(super) const COLOURS: usize = 6;

impl Frame {
    pub(super) fn curve(&self, index: usize, curve: &Curve) -> String {
        let colour = index % COLOURS;
        let mut svg = String::new();
        for run in curve.points.split(|(_, value)| value.is_none()) {
            let spots: Vec<String> = run.iter().map(|point| self.spot(point)).collect();
            if let [alone] = &spots[..] {
                // One has no line, so it is a dot.
                let (x, y) = alone.split_once(',').unwrap_or(("0", "0"));
                svg.push_str(&format!(
                    "<circle class=\"k{colour}\" cx=\"{x}\" cy=\"{y}\" r=\"2\"/>\n"
                ));
            } else if !spots.is_empty() {
                let points = spots.join(" ");
                svg.push_str(&format!(
                    "<polyline class=\"curve k{colour}\" points=\"{points}\"/>\n"
                ));
            }
        }
        svg
    }

    /// What lies between a curve and the one below; gaps are at the ground.
    pub(super) fn area(&self, index: usize, curve: &Curve, below: Option<&Curve>) -> String {
        let ground = |(place, _): &(f64, Option<f64>)| self.spot(&(*place, None));
        let mut spots: Vec<String> = curve.points.iter().map(|point| self.spot(point)).collect();
        match below {
            Some(below) => spots.extend(below.points.iter().rev().map(|point| self.spot(point))),
            None => spots.extend(curve.points.iter().rev().map(ground)),
        }
        let (colour, points) = (index % COLOURS, spots.join(" "));
        format!("<polygon class=\"area k{colour}\" points=\"{points}\"/>\n")
    }

    fn spot(&self, (place, value): &(f64, Option<f64>)) -> String {
        let value = value.unwrap_or(0.0) / self.measure.divisor;
        format!("{:.1},{:.1}", self.x.place(*place), self.y.place(value))
    }
}

/// Each curve on top of those before it.
pub(super) fn stacked(curves: &[Curve]) -> Vec<Curve> {
    let mut sums: Vec<Curve> = Vec::new();
    for curve in curves {
        let mut sum = curve.clone();
        if let Some(below) = sums.last() {
            for ((_, value), (_, below)) in sum.points.iter_mut().zip(&below.points) {
                *value = value.map(|value| value + below.unwrap_or(0.0));
            }
        }
        sums.push(sum);
    }
    sums
}
