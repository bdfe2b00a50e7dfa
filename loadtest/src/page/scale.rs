//! From numbers to places on an axis, and which numbers to write there.

/// An axis: numbers from `low` to `high` lie between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    is_logarithmic: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// An even axis from zero, or from `low` if that is given, to a round number above `high`.
    pub(crate) fn linear(low: f64, high: f64, ticks: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = round_step((high - low) / ticks.max(1) as f64);
        Self {
            is_logarithmic: false,
            low,
            high: low + ((high - low) / step - 1e-9).ceil() * step,
            from: 0.0,
            to: 1.0,
        }
    }

    /// An axis that ends where the numbers do, for time.
    pub(crate) fn exact(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            is_logarithmic: false,
            low,
            high,
            from: 0.0,
            to: 1.0,
        }
    }

    /// An axis on which each factor of ten has the same length. Both ends are made round and must be
    /// above zero.
    pub(crate) fn logarithmic(low: f64, high: f64) -> Self {
        let low = if low > 0.0 { low } else { 1.0 };
        let high = if high > low { high } else { low * 10.0 };
        let is_short = (high / low).log10() < 2.0;
        let (below, above) = if is_short {
            (round_below(low), round_above(high))
        } else {
            (
                10_f64.powf(low.log10().floor()),
                10_f64.powf((high.log10() - 1e-9).ceil()),
            )
        };
        Self {
            is_logarithmic: true,
            low: below,
            high: above,
            from: 0.0,
            to: 1.0,
        }
    }

    /// The same axis between two places.
    pub(crate) fn between(self, from: f64, to: f64) -> Self {
        Self { from, to, ..self }
    }

    /// Where a number lies; what is beyond an end lies there.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = if self.is_logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round numbers on the axis, about as many as are `wanted`.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.is_logarithmic {
            return self.logarithmic_ticks(wanted);
        }
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        let first = (self.low / step - 1e-9).ceil();
        (0..=2 * wanted.max(1))
            .map(|number| (first + number as f64) * step)
            .take_while(|tick| *tick <= self.high + step * 1e-6)
            .collect()
    }

    fn logarithmic_ticks(&self, wanted: usize) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let factors: &[f64] = if decades * 3.0 <= wanted as f64 * 1.5 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let every = (decades / wanted.max(1) as f64).ceil().max(1.0);
        let mut ticks = Vec::new();
        let mut power = self.low.log10().floor();
        while power <= self.high.log10() + 1e-9 {
            let decade = 10_f64.powf(power);
            ticks.extend(factors.iter().map(|factor| factor * decade));
            power += every;
        }
        ticks.retain(|tick| *tick >= self.low * (1.0 - 1e-9) && *tick <= self.high * (1.0 + 1e-9));
        ticks
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let decade = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let found = factors
        .into_iter()
        .find(|factor| factor * decade >= step * (1.0 - 1e-9));
    found.unwrap_or(10.0) * decade
}

fn round_above(value: f64) -> f64 {
    round_step(value)
}

fn round_below(value: f64) -> f64 {
    let decade = 10_f64.powf((value.log10() + 1e-9).floor());
    let factors = [5.0, 2.0, 1.0];
    let found = factors
        .into_iter()
        .find(|factor| factor * decade <= value * (1.0 + 1e-9));
    found.unwrap_or(1.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_close(left: &[f64], right: &[f64]) -> bool {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b.abs().max(1e-9);
        left.len() == right.len() && left.iter().zip(right).all(close)
    }

    #[test]
    fn ticks_of_an_even_axis_are_round() {
        let cases: &[(f64, f64, &[f64])] = &[
            (0.0, 97.0, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (0.0, 0.37, &[0.0, 0.1, 0.2, 0.3, 0.4]),
            (0.0, 51_676.0, &[0.0, 20_000.0, 40_000.0, 60_000.0]),
            (0.0, 0.0, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ];
        for (low, high, expected) in cases {
            let ticks = Scale::linear(*low, *high, 5).ticks(5);
            assert!(is_close(&ticks, expected), "{low}..{high}: {ticks:?}");
        }
    }

    #[test]
    fn an_axis_of_time_ends_where_the_run_does() {
        let scale = Scale::exact(0.0, 4.42).between(50.0, 450.0);
        assert!(is_close(&scale.ticks(6), &[0.0, 1.0, 2.0, 3.0, 4.0]));
        assert!((scale.place(4.42) - 450.0).abs() < 1e-9);
        assert!((scale.place(0.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_has_decades_or_parts_of_them() {
        let wide = Scale::logarithmic(73.0, 8_167.0);
        assert!(
            is_close(&wide.ticks(5), &[10.0, 100.0, 1_000.0, 10_000.0]),
            "{wide:?}"
        );
        let short = Scale::logarithmic(230.0, 940.0);
        assert!(
            is_close(&short.ticks(5), &[200.0, 500.0, 1_000.0]),
            "{short:?}"
        );
        let long = Scale::logarithmic(1.0, 1e9);
        assert!(long.ticks(5).len() <= 6, "{:?}", long.ticks(5));
        let one = Scale::logarithmic(5.0, 5.0);
        assert!(one.ticks(5).len() >= 2, "{:?}", one.ticks(5));
    }

    #[test]
    fn equal_factors_have_equal_lengths() {
        let scale = Scale::logarithmic(1.0, 10_000.0).between(0.0, 400.0);
        for (value, place) in [
            (1.0, 0.0),
            (10.0, 100.0),
            (1_000.0, 300.0),
            (0.0, 0.0),
            (1e9, 400.0),
        ] {
            assert!((scale.place(value) - place).abs() < 1e-6, "{value}");
        }
    }
}
