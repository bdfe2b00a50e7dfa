//! One round: a run of each server, close together in time.

use serde::Serialize;

use crate::report::{ClientCost, ServerCost, Warning, ratio};

/// CPU time of the server per delivery, or per round trip.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) libc_us: f64,
    pub(crate) inline_us: f64,
    pub(crate) corecast_us: f64,
    pub(crate) corecast_user_us: f64,
    pub(crate) corecast_to_libc: f64,
    pub(crate) corecast_to_inline: f64,
    /// False where a client was busier than it may be.
    pub(crate) counts: bool,
}

/// What one run of one server found.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) passed: bool,
    pub(super) server: ServerCost,
    pub(super) client: ClientCost,
}

impl Round {
    /// From the runs of one round.
    pub(super) fn new(libc: &Measured, inline: &Measured, corecast: &Measured) -> Self {
        let all = [libc, inline, corecast];
        let us = |measured: &Measured| measured.server.cpu_us_per_message;
        Self {
            libc_us: us(libc),
            inline_us: us(inline),
            corecast_us: us(corecast),
            corecast_user_us: corecast.server.user_us_per_message,
            corecast_to_libc: ratio(us(corecast), us(libc)),
            corecast_to_inline: ratio(us(corecast), us(inline)),
            counts: all
                .iter()
                .all(|run| run.passed && Warning::find(&run.client, None).is_empty()),
        }
    }

    /// The median of each figure over the rounds that count.
    pub(super) fn median(rounds: &[Self]) -> Option<Self> {
        let counted: Vec<&Self> = rounds.iter().filter(|round| round.counts).collect();
        let of = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = counted.iter().map(|round| figure(round)).collect();
            figures.sort_by(f64::total_cmp);
            let middle = figures.len() / 2;
            match figures.len() % 2 {
                1 => figures.get(middle).copied(),
                _ => Some((figures.get(middle)? + figures.get(middle.checked_sub(1)?)?) / 2.0),
            }
        };
        Some(Self {
            libc_us: of(|round| round.libc_us)?,
            inline_us: of(|round| round.inline_us)?,
            corecast_us: of(|round| round.corecast_us)?,
            corecast_user_us: of(|round| round.corecast_user_us)?,
            corecast_to_libc: of(|round| round.corecast_to_libc)?,
            corecast_to_inline: of(|round| round.corecast_to_inline)?,
            counts: true,
        })
    }

    /// As a line for people.
    pub(super) fn text(&self) -> String {
        format!(
            "libc {:.3}  inline {:.3}  corecast {:.3} us (user {:.3})  to libc {:.3}  to inline {:.3}{}",
            self.libc_us,
            self.inline_us,
            self.corecast_us,
            self.corecast_user_us,
            self.corecast_to_libc,
            self.corecast_to_inline,
            if self.counts {
                ""
            } else {
                "  (does not count)"
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(us: f64, counts: bool) -> Round {
        Round {
            libc_us: us,
            inline_us: us,
            corecast_us: us,
            corecast_user_us: us,
            corecast_to_libc: us,
            corecast_to_inline: us,
            counts,
        }
    }

    #[test]
    fn the_median_is_over_the_rounds_that_count() {
        let rounds = [
            round(3.0, true),
            round(100.0, false),
            round(1.0, true),
            round(2.0, true),
        ];
        assert!((Round::median(&rounds).unwrap().libc_us - 2.0).abs() < 1e-9);
        assert!((Round::median(&rounds[..3]).unwrap().libc_us - 2.0).abs() < 1e-9);
        assert!(Round::median(&rounds[1..2]).is_none());
    }
}
