//! The axes of a chart: where they end, and what is written at them.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;

use crate::report::page::chart::Curve;
use crate::report::page::unit::{Unit, number};

/// The axis from bottom to top; places on it are logarithms where it is logarithmic.
#[derive(Clone, Debug)]
pub(super) struct ValueAxis {
    pub(super) is_logarithmic: bool,
    divisor: f64,
    pub(super) label: &'static str,
    /// Places that are labelled, from one end to the other.
    pub(super) ticks: Vec<f64>,
}

/// An axis of plotters with given tick places.
#[derive(Clone)]
pub(super) struct TickAxis(RangedCoordf64, Vec<f64>);

/// Places with what is drawn there; none is a gap.
pub(super) type Line = Vec<(f64, Option<f64>)>;

/// With a greater spread, small numbers cannot be told apart on an even axis.
const EVEN_SPREAD_MAX: f64 = 30.0;

impl ValueAxis {
    /// The axis for these curves; none without points.
    pub(super) fn new(unit: Unit, is_stacked: bool, curves: &[Curve]) -> Option<Self> {
        let points = curves.iter().flat_map(|curve| &curve.points);
        let values = points.filter_map(|(_, value)| *value);
        let max = values.clone().reduce(f64::max)?;
        let least = values.filter(|value| *value > 0.0).reduce(f64::min);
        let least = least.unwrap_or(max);
        let (divisor, label) = unit.measure(max);
        let is_logarithmic = !is_stacked && unit == Unit::Micros && max > least * EVEN_SPREAD_MAX;
        let ticks = if is_logarithmic {
            decades(least / divisor, max / divisor)
        } else {
            rounds(max / divisor)
        };
        Some(Self {
            is_logarithmic,
            divisor,
            label,
            ticks,
        })
    }

    pub(super) fn line(&self, curve: &Curve) -> Line {
        let low = self.ticks.first().copied().unwrap_or(0.0);
        let place = |value: f64| match value / self.divisor {
            value if self.is_logarithmic => value.log10().max(low),
            value => value,
        };
        let points = curve.points.iter();
        points.map(|(x, value)| (*x, value.map(place))).collect()
    }

    pub(super) fn text(&self, place: f64) -> String {
        match self.is_logarithmic {
            true => number(10_f64.powf(place)),
            false => number(place),
        }
    }
}

impl TickAxis {
    /// An axis with these places; round numbers where there are none.
    pub(super) fn new(ends: Range<f64>, places: &[f64]) -> Self {
        let axis = RangedCoordf64::from(ends);
        let places = match places {
            [] => axis.key_points(6),
            places => places.to_vec(),
        };
        Self(axis, places)
    }
}

impl Ranged for TickAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.0.map(value, limit)
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        let is_light = hint.weight().allow_light_points();
        if is_light { Vec::new() } else { self.1.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.0.range()
    }
}

/// Round numbers from 0 to one that is not below `max`.
fn rounds(max: f64) -> Vec<f64> {
    let max = if max > 0.0 { max } else { 1.0 };
    let mut ticks = RangedCoordf64::from(0.0..max).key_points(6);
    if let [.., before, last] = ticks[..]
        && last < max
    {
        ticks.push(last + (last - before));
    }
    ticks
}

/// Logarithms of round numbers around what is from `least` to `max`: of each decade the first, and
/// more where there are few decades.
fn decades(least: f64, max: f64) -> Vec<f64> {
    let few = [1.0_f64, 2.0, 5.0].map(f64::log10);
    let (mut power, end) = (least.log10().floor(), (max.log10() - 1e-9).ceil());
    let factors = if end - power > 2.0 { &few[..1] } else { &few };
    let mut ticks = Vec::new();
    while power < end {
        ticks.extend(factors.iter().map(|factor| power + factor));
        power += 1.0;
    }
    ticks.push(end);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_around_all_values() {
        assert_eq!(rounds(97.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(rounds(51_676.0).last(), Some(&60_000.0));
        assert_eq!(rounds(0.0).last(), Some(&1.0));
        assert_eq!(decades(73.0, 81_670.0), [1.0, 2.0, 3.0, 4.0, 5.0]);
        let short = [1.0, 20_f64.log10(), 50_f64.log10(), 2.0];
        assert!(
            decades(10.0, 100.0)
                .iter()
                .zip(short)
                .all(|(a, b)| (a - b).abs() < 1e-9)
        );
    }
}
