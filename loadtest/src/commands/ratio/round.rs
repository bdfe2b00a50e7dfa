//! One round: a run of each server, close together in time, and whether they may be compared.

use rustix::param::clock_ticks_per_second;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::host::warning::Warning;
use crate::report::{ClientCost, Table, ratio};

/// What one run of one server found.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) passed: bool,
    client: ClientCost,
    pub(super) side: Side,
}

/// The figures of one server in a round, or the median of each.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Side {
    /// CPU time of the server per delivery, or per round trip.
    cpu_us: f64,
    user_us: f64,
    user_share: f64,
    /// False where the run was so short that clock ticks say nothing about the user share.
    user_share_is_known: bool,
    client_busy_share: f64,
    latency_p50_us: f64,
    latency_p99_us: f64,
    /// From when messages were due to when they were sent; zero without a schedule.
    lateness_p99_us: f64,
    pub(super) deliveries_per_s: f64,
}

/// CPU time of the server per delivery, or per round trip.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Round {
    libc_us: f64,
    inline_us: f64,
    corecast_us: f64,
    corecast_user_us: f64,
    corecast_to_libc: f64,
    corecast_to_inline: f64,
    libc: Side,
    inline: Side,
    corecast: Side,
    /// False where a run failed, a client was busier than it may be, a floor did more than it is
    /// to do, no CPU time was read, or CPUs were shared unasked.
    pub(super) counts: bool,
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

/// A floor with a higher share is not the bare loop that it is to be.
const FLOOR_USER_SHARE_MAX: f64 = 0.03;
/// One tick is then less than a third of that.
const TICKS_MIN: f64 = 100.0;
/// A schedule that slips by more, as a share of the median latency, is part of what is told.
const LATENESS_SHARE_MAX: f64 = 0.2;

impl Measured {
    /// From the figures of a run.
    pub(super) fn new(figures: &Value, client: ClientCost) -> Self {
        let at = |path: &str| figures.pointer(path).and_then(Value::as_f64);
        let figure = |path| at(path).unwrap_or_default();
        let ticks = figure("/server/on_cpu_s") * clock_ticks_per_second() as f64;
        let rate = at("/deliveries_per_s").or_else(|| at("/round_trips_per_s"));
        let side = Side {
            cpu_us: figure("/server/cpu_us_per_message"),
            user_us: figure("/server/user_us_per_message"),
            user_share: figure("/server/user_share"),
            user_share_is_known: ticks >= TICKS_MIN,
            client_busy_share: client.busy_share,
            latency_p50_us: figure("/latency/p50_us"),
            latency_p99_us: figure("/latency/p99_us"),
            lateness_p99_us: figure("/lateness/p99_us"),
            deliveries_per_s: rate.unwrap_or_default(),
        };
        Self {
            passed: figures["passed"] == true,
            client,
            side,
        }
    }

    /// Whether this run may be compared at all.
    fn is_sound(&self) -> bool {
        self.passed && self.side.cpu_us > 0.0
    }

    pub(super) fn doubts(&self) -> Vec<String> {
        let (mut doubts, side) = (Vec::new(), &self.side);
        if !self.passed {
            doubts.push("the run failed; make it alone to see how".to_owned());
        }
        if side.cpu_us <= 0.0 {
            doubts.push("no CPU time of the server was read".to_owned());
        }
        let warnings = Warning::find(&self.client, 0.0);
        doubts.extend(warnings.iter().map(Warning::to_string));
        let late = side.lateness_p99_us;
        if late > LATENESS_SHARE_MAX * side.latency_p50_us {
            doubts.push(format!(
                "messages went out {late:.0} us late (p99), more than a fifth of the median latency"
            ));
        }
        doubts
    }
}

impl Side {
    /// Whether a floor spends more in user space than a bare loop of `send` does.
    pub(super) fn is_floor_too_busy(&self) -> bool {
        self.user_share_is_known && self.user_share >= FLOOR_USER_SHARE_MAX
    }

    pub(super) fn user_text(&self) -> String {
        let is_known = self.user_share_is_known;
        let note = if is_known { "" } else { " (too short to tell)" };
        format!("{:.1} %{note}", self.user_share * 100.0)
    }
}

impl Round {
    /// From a run of the libc floor, of the inlined floor and of corecast.
    pub(super) fn new(rules: Rules, runs: &[Measured; 3]) -> Self {
        let is_sound = runs.iter().all(Measured::is_sound);
        let is_spare = !runs.iter().any(|run| run.client.is_busy());
        let [libc, inline, corecast] = [0, 1, 2].map(|run: usize| runs[run].side);
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
        let counted = rounds.iter().filter(|round| round.counts);
        let counted: Vec<Value> = counted.map(|round| json!(round)).collect();
        serde_json::from_value(median(&counted.iter().collect::<Vec<_>>())?).ok()
    }

    /// Adds lines for people; those about time where there was a schedule.
    pub(super) fn tell(&self, name: &str, with_times: bool, table: &mut Table) {
        let note = if self.counts {
            ""
        } else {
            "  (does not count)"
        };
        let [libc, inline, corecast] = [self.libc_us, self.inline_us, self.corecast_us];
        let (user, to_libc) = (self.corecast_user_us, self.corecast_to_libc);
        let us = format!("libc {libc:.3}  inline {inline:.3}  corecast {corecast:.3} us");
        let to_inline = self.corecast_to_inline;
        let to = format!("to libc {to_libc:.3}  to inline {to_inline:.3}");
        table.row(name, format!("{us} (user {user:.3})  {to}{note}"));
        let all = [self.libc, self.inline, self.corecast];
        let sides = || ["libc", "inline", "corecast"].into_iter().zip(&all);
        let join = |text: fn(&Side) -> String| {
            let texts = sides().map(|(name, side)| format!("{name} {}", text(side)));
            texts.collect::<Vec<_>>().join("  ")
        };
        table.row("    user share", join(Side::user_text));
        let busy = |side: &Side| format!("{:.0} %", side.client_busy_share * 100.0);
        table.row("    client busy", join(busy));
        for (name, side) in sides().filter(|_| with_times) {
            let (p50, p99) = (side.latency_p50_us, side.latency_p99_us);
            let (late, rate) = (side.lateness_p99_us, side.deliveries_per_s);
            let times = format!("latency p50 {p50:.0}  p99 {p99:.0} us");
            let late = format!("sent late p99 {late:.0} us  {rate:.0}/s");
            table.row("    times", format!("{name:<8} {times}  {late}"));
        }
    }
}

/// The median of each number in groups of the same names; whether all are so of what is or is not.
fn median(groups: &[&Value]) -> Option<Value> {
    match groups.first()? {
        Value::Object(first) => {
            let of = |name: &String| {
                let values: Vec<&Value> = groups.iter().map(|group| &group[name]).collect();
                Some((name.clone(), median(&values)?))
            };
            first.keys().map(of).collect()
        }
        Value::Bool(_) => Some(groups.iter().all(|group| **group == true).into()),
        _ => {
            let mut numbers: Vec<f64> = groups.iter().filter_map(|group| group.as_f64()).collect();
            numbers.sort_by(f64::total_cmp);
            let (low, high) = (numbers.len().checked_sub(1)? / 2, numbers.len() / 2);
            Some(((numbers.get(low)? + numbers.get(high)?) / 2.0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_over_the_rounds_that_count() {
        let round = |(us, counts)| {
            let mut round = Round {
                libc_us: us,
                counts,
                ..Round::default()
            };
            round.libc.user_us = us;
            round
        };
        let rounds = [(3.0, true), (100.0, false), (1.0, true), (2.0, true)].map(round);
        for rounds in [&rounds[..], &rounds[..3]] {
            let median = Round::median(rounds).unwrap();
            assert!((median.libc_us - 2.0).abs() < 1e-9 && median.counts);
            assert!((median.libc.user_us - 2.0).abs() < 1e-9);
        }
        assert!(Round::median(&rounds[1..2]).is_none());
    }

    /// A run with 10 us of CPU time for each message, a hundredth of it in user space, and so many
    /// seconds in all.
    fn measured(on_cpu_s: f64, change: impl FnOnce(&mut Value)) -> Measured {
        let mut figures = json!({
            "passed": true, "busy_share": 0.5,
            "server": { "on_cpu_s": on_cpu_s, "cpu_us_per_message": 10.0, "user_share": 0.01 }
        });
        change(&mut figures);
        let client = ClientCost {
            busy_share: figures["busy_share"].as_f64().unwrap(),
            ..ClientCost::default()
        };
        Measured::new(&figures, client)
    }

    #[test]
    fn a_round_counts_only_if_nothing_is_wrong_with_it() {
        let counts = |is_placed, is_fanout, floor: Measured| {
            let rules = Rules {
                is_placed,
                is_fanout,
            };
            let runs = [floor, measured(2.0, |_| ()), measured(2.0, |_| ())];
            let round = Round::new(rules, &runs);
            assert!((round.corecast_us - 10.0).abs() < 1e-9);
            round.counts
        };
        let fat = |figures: &mut Value| figures["server"]["user_share"] = json!(0.03);
        assert!(counts(true, true, measured(2.0, |_| ())));
        assert!(
            !counts(false, true, measured(2.0, |_| ())),
            "CPUs are shared"
        );
        for change in [
            |figures: &mut Value| figures["passed"] = json!(false),
            |figures: &mut Value| figures["server"]["cpu_us_per_message"] = json!(0.0),
            |figures: &mut Value| figures["busy_share"] = json!(0.96),
            fat,
        ] {
            assert!(!counts(true, true, measured(2.0, change)));
        }
        assert!(
            counts(true, false, measured(2.0, fat)),
            "an echo is no bare loop"
        );
        assert!(
            counts(true, true, measured(0.2, fat)),
            "20 ticks say nothing about 3 %"
        );
    }
}
