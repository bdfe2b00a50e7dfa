//! One round: a run of each server, close together in time.

use serde::Serialize;

use crate::ratio::side::{Measured, Side};
use crate::report::{Table, ratio};

/// CPU time of the server per delivery, or per round trip.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) libc_us: f64,
    pub(crate) inline_us: f64,
    pub(crate) corecast_us: f64,
    pub(crate) corecast_user_us: f64,
    pub(crate) corecast_to_libc: f64,
    pub(crate) corecast_to_inline: f64,
    pub(crate) libc: Side,
    pub(crate) inline: Side,
    pub(crate) corecast: Side,
    /// False where a run failed, a client was busier than it may be, a floor did more than it is
    /// to do, no CPU time was read, or CPUs were shared unasked.
    pub(crate) counts: bool,
}

/// What a round has to be like to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Server and client had CPUs of their own, or it was asked that they should not.
    pub(super) is_placed: bool,
    /// The floors do nothing in user space worth telling, and the client must have time to spare.
    /// Not so for echo: it takes each message apart, and with one message of each connection
    /// under way at any time one of the two sides is always busy.
    pub(super) is_fanout: bool,
}

impl Round {
    pub(super) fn new(
        rules: Rules,
        libc: &Measured,
        inline: &Measured,
        corecast: &Measured,
    ) -> Self {
        let runs = [libc, inline, corecast];
        let is_sound = runs.into_iter().all(Measured::is_sound);
        let is_spare = runs.into_iter().all(Measured::has_spare_client);
        let [libc, inline, corecast] = [libc, inline, corecast].map(Measured::side);
        let is_bare = !(libc.is_floor_too_busy() || inline.is_floor_too_busy());
        Self {
            libc_us: libc.cpu_us,
            inline_us: inline.cpu_us,
            corecast_us: corecast.cpu_us,
            corecast_user_us: corecast.user_us,
            corecast_to_libc: ratio(corecast.cpu_us, libc.cpu_us),
            corecast_to_inline: ratio(corecast.cpu_us, inline.cpu_us),
            libc,
            inline,
            corecast,
            counts: is_sound && rules.is_placed && (is_bare && is_spare || !rules.is_fanout),
        }
    }

    /// The median of each figure over the rounds that count.
    pub(super) fn median(rounds: &[Self]) -> Option<Self> {
        let counted: Vec<&Self> = rounds.iter().filter(|round| round.counts).collect();
        let of = |figure: &dyn Fn(&Self) -> f64| {
            let mut figures: Vec<f64> = counted.iter().map(|round| figure(round)).collect();
            figures.sort_by(f64::total_cmp);
            let middle = figures.len() / 2;
            match figures.len() % 2 {
                1 => figures.get(middle).copied(),
                _ => Some((figures.get(middle)? + figures.get(middle.checked_sub(1)?)?) / 2.0),
            }
        };
        let side = |side: fn(&Self) -> &Side| -> Option<Side> {
            Some(Side {
                cpu_us: of(&|round| side(round).cpu_us)?,
                user_us: of(&|round| side(round).user_us)?,
                user_share: of(&|round| side(round).user_share)?,
                user_share_is_known: counted.iter().all(|round| side(round).user_share_is_known),
                client_busy_share: of(&|round| side(round).client_busy_share)?,
                latency_p50_us: of(&|round| side(round).latency_p50_us)?,
                latency_p99_us: of(&|round| side(round).latency_p99_us)?,
                lateness_p99_us: of(&|round| side(round).lateness_p99_us)?,
                deliveries_per_s: of(&|round| side(round).deliveries_per_s)?,
            })
        };
        Some(Self {
            libc_us: of(&|round| round.libc_us)?,
            inline_us: of(&|round| round.inline_us)?,
            corecast_us: of(&|round| round.corecast_us)?,
            corecast_user_us: of(&|round| round.corecast_user_us)?,
            corecast_to_libc: of(&|round| round.corecast_to_libc)?,
            corecast_to_inline: of(&|round| round.corecast_to_inline)?,
            libc: side(|round| &round.libc)?,
            inline: side(|round| &round.inline)?,
            corecast: side(|round| &round.corecast)?,
            counts: true,
        })
    }

    /// Adds lines for people; those about time where there was a schedule.
    pub(super) fn tell(&self, name: &'static str, with_times: bool, table: &mut Table) {
        let note = if self.counts {
            ""
        } else {
            "  (does not count)"
        };
        let text = format!(
            "libc {:.3}  inline {:.3}  corecast {:.3} us (user {:.3})  to libc {:.3}  to inline {:.3}{note}",
            self.libc_us,
            self.inline_us,
            self.corecast_us,
            self.corecast_user_us,
            self.corecast_to_libc,
            self.corecast_to_inline,
        );
        table.row(name, text);
        let sides = [
            ("libc", &self.libc),
            ("inline", &self.inline),
            ("corecast", &self.corecast),
        ];
        let join = |text: fn(&Side) -> String| {
            sides
                .map(|(name, side)| format!("{name} {}", text(side)))
                .join("  ")
        };
        table.row("    user share", join(Side::user_text));
        let busy = |side: &Side| format!("{:.0} %", side.client_busy_share * 100.0);
        table.row("    client busy", join(busy));
        if with_times {
            for (name, side) in sides {
                table.row("    times", format!("{name:<8} {}", side.times_text()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ServerCost;

    fn round(us: f64, counts: bool) -> Round {
        Round {
            libc_us: us,
            inline_us: us,
            corecast_us: us,
            corecast_user_us: us,
            corecast_to_libc: us,
            corecast_to_inline: us,
            libc: Side::default(),
            inline: Side::default(),
            corecast: Side::default(),
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

    /// A run with 2 s of CPU time in 10 us for each message, a hundredth of it in user space.
    fn sound() -> Measured {
        Measured {
            passed: true,
            server: ServerCost {
                on_cpu_s: 2.0,
                cpu_us_per_message: 10.0,
                user_share: 0.01,
                ..ServerCost::default()
            },
            ..Measured::default()
        }
    }

    #[test]
    fn a_round_counts_only_if_nothing_is_wrong_with_it() {
        let rules = Rules {
            is_placed: true,
            is_fanout: true,
        };
        let counts = |rules, floor: &Measured| {
            let round = Round::new(rules, floor, &sound(), &sound());
            assert!((round.corecast_us - 10.0).abs() < 1e-9);
            round.counts
        };
        assert!(counts(rules, &sound()));
        let mut failed = sound();
        failed.passed = false;
        let mut unread = sound();
        unread.server.cpu_us_per_message = 0.0;
        let mut busy = sound();
        busy.client.busy_share = 0.96;
        let mut fat = sound();
        fat.server.user_share = 0.03;
        for (name, wrong) in [
            ("failed", &failed),
            ("unread", &unread),
            ("busy", &busy),
            ("fat", &fat),
        ] {
            assert!(!counts(rules, wrong), "{name}");
        }
        let is_echo = Rules {
            is_fanout: false,
            ..rules
        };
        assert!(counts(is_echo, &fat), "an echo is no bare loop");
        fat.server.on_cpu_s = 0.2;
        assert!(counts(rules, &fat), "20 ticks say nothing about 3 %");
        let shared = Rules {
            is_placed: false,
            ..rules
        };
        assert!(!counts(shared, &sound()));
    }
}
