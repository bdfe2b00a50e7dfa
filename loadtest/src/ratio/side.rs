//! What one run of one server found, and whether it may be compared.

use rustix::param::clock_ticks_per_second;
use serde::Serialize;

use crate::record::Percentiles;
use crate::report::{ClientCost, ServerCost};
use crate::warning::Warning;

#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) passed: bool,
    pub(super) server: ServerCost,
    pub(super) client: ClientCost,
    pub(super) latency: Percentiles,
    pub(super) lateness: Option<Percentiles>,
    pub(super) deliveries_per_s: f64,
}

/// The figures of one server in a round, or the median of each.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Side {
    /// CPU time of the server per delivery, or per round trip.
    pub(crate) cpu_us: f64,
    pub(crate) user_us: f64,
    pub(crate) user_share: f64,
    /// False where the run was so short that clock ticks say nothing about the user share.
    pub(crate) user_share_is_known: bool,
    pub(crate) client_busy_share: f64,
    pub(crate) latency_p50_us: f64,
    pub(crate) latency_p99_us: f64,
    /// From when messages were due to when they were sent; zero without a schedule.
    pub(crate) lateness_p99_us: f64,
    pub(crate) deliveries_per_s: f64,
}

/// A floor with a higher share is not the bare loop that it is to be.
const FLOOR_USER_SHARE_MAX: f64 = 0.03;
/// One tick is then less than a third of that.
const TICKS_MIN: f64 = 100.0;
/// A schedule that slips by more, as a share of the median latency, is part of what is told.
const LATENESS_SHARE_MAX: f64 = 0.2;

impl Measured {
    /// Whether this run may be compared at all.
    pub(super) fn is_sound(&self) -> bool {
        self.passed && self.server.cpu_us_per_message > 0.0
    }

    /// Whether the server and not the client set the pace.
    pub(super) fn has_spare_client(&self) -> bool {
        !self.client.is_busy()
    }

    pub(super) fn side(&self) -> Side {
        let ticks = self.server.on_cpu_s * clock_ticks_per_second() as f64;
        Side {
            cpu_us: self.server.cpu_us_per_message,
            user_us: self.server.user_us_per_message,
            user_share: self.server.user_share,
            user_share_is_known: ticks >= TICKS_MIN,
            client_busy_share: self.client.busy_share,
            latency_p50_us: self.latency.p50_us,
            latency_p99_us: self.latency.p99_us,
            lateness_p99_us: self
                .lateness
                .as_ref()
                .map_or(0.0, |lateness| lateness.p99_us),
            deliveries_per_s: self.deliveries_per_s,
        }
    }

    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if !self.passed {
            doubts.push("the run failed; make it alone to see how".to_owned());
        }
        if self.server.cpu_us_per_message <= 0.0 {
            doubts.push("no CPU time of the server was read".to_owned());
        }
        let warnings = Warning::find(&self.client, None);
        doubts.extend(warnings.iter().map(Warning::to_string));
        let side = self.side();
        if side.lateness_p99_us > LATENESS_SHARE_MAX * side.latency_p50_us {
            doubts.push(format!(
                "messages went out {:.0} us late (p99), more than a fifth of the median latency",
                side.lateness_p99_us
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
        let note = if self.user_share_is_known {
            ""
        } else {
            " (too short to tell)"
        };
        format!("{:.1} %{note}", self.user_share * 100.0)
    }

    pub(super) fn times_text(&self) -> String {
        format!(
            "latency p50 {:.0}  p99 {:.0} us  sent late p99 {:.0} us  {:.0}/s",
            self.latency_p50_us, self.latency_p99_us, self.lateness_p99_us, self.deliveries_per_s
        )
    }
}
