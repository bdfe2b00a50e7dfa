//! The board: the last value of every metric of every device.

use std::collections::BTreeMap;
use std::time::Duration;

use corecast::{Kind, Message, PublishError, Room, RoomCx, Tick};

use crate::history::{History, TICK, millis, points_within};
use crate::wire::{Reading, Report, SNAPSHOT, State, json};

/// Ticks without a reading after which a metric is stale: 3 s.
const STALE_TICKS: u64 = 30;
/// Ticks after which it is removed: 10 minutes. Otherwise unused names would fill the board.
const GONE_TICKS: u64 = 6_000;
/// Metrics of all devices together: with at most 320 bytes for each, 160 of them for names in
/// which every byte is escaped, a snapshot stays below 1 MiB; what is left of that is for their
/// last minutes.
const SERIES_MAX: usize = 3_000;
const STATE_BYTES_MAX: usize = 320;
const SNAPSHOT_BYTES_MAX: usize = 1 << 20;

/// A device and a metric.
type Key = (String, String);

/// The board, on the home of its topic and so on one thread.
#[derive(Default)]
pub(crate) struct Board {
    series: BTreeMap<Key, Series>,
    /// The number of the last report.
    seq: u64,
    /// The last tick, which is the clock of the room.
    now: u64,
    refused: u64,
    /// There are changes to report.
    changed: bool,
}

/// One metric of one device.
#[derive(Default)]
struct Series {
    value: f64,
    at: u64,
    count: u64,
    /// The tick of the last reading.
    heard: u64,
    stale: bool,
    changed: bool,
    history: History,
}

impl Room for Board {
    /// Passes nothing on: a reading becomes a part of the next report.
    fn on_publish(&mut self, cx: &mut RoomCx<'_>, message: Message<'_>) {
        if message.payload == SNAPSHOT {
            return self.send_snapshot(cx);
        }
        let taken = Reading::parse(message.payload).and_then(|reading| self.take(reading));
        if let Err(error) = taken {
            self.refused += 1;
            self.changed = true;
            let answer = json(&Report::Error { error });
            if let Some(device) = cx.publisher() {
                note(cx.send(device, Kind::Text, &answer));
            }
        }
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(TICK)
    }

    /// Skipped while the last report still waits for space; then the next report has more changes.
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, tick: Tick) {
        self.now = tick.number;
        for series in self.series.values_mut() {
            // A value that was not reported yet must be reported, however late.
            let is_told = !series.stale && !series.changed;
            let turns_stale = is_told && STALE_TICKS <= self.now - series.heard;
            series.stale |= turns_stale;
            series.changed |= turns_stale;
            self.changed |= turns_stale;
        }
        let silent = |series: &Series| GONE_TICKS <= self.now - series.heard;
        let gone = self.series.iter().filter(|(_, series)| silent(series));
        let gone: Vec<Key> = gone.map(|(key, _)| key.clone()).collect();
        for key in &gone {
            self.series.remove(key);
        }
        if self.changed || !gone.is_empty() {
            self.publish_changes(cx, &gone);
        }
    }

    /// Devices also report without viewers, and later viewers need their last values.
    fn linger(&self) -> Duration {
        Duration::MAX
    }
}

impl Board {
    fn take(&mut self, reading: Reading) -> Result<(), &'static str> {
        let Reading {
            device,
            metric,
            value,
            at,
        } = reading;
        let is_full = SERIES_MAX <= self.series.len();
        let key = (device, metric);
        if is_full && !self.series.contains_key(&key) {
            return Err("the board is full");
        }
        let series = self.series.entry(key).or_default();
        series.history.push(self.now, value);
        series.count += 1;
        (series.value, series.at, series.heard) = (value, at, self.now);
        (series.stale, series.changed) = (false, true);
        self.changed = true;
        Ok(())
    }

    /// Readings since the last report are in it, and again in the next report: the same state twice
    /// does no harm.
    fn send_snapshot(&self, cx: &mut RoomCx<'_>) {
        let metrics = self.series.len();
        let bytes = SNAPSHOT_BYTES_MAX.saturating_sub((metrics + 1) * STATE_BYTES_MAX);
        let most = points_within(bytes, metrics);
        let states = self.series.iter().map(|series| State {
            history: Some(series.1.history.points(self.now, most)),
            ..self.state(series)
        });
        let snapshot = Report::Snapshot {
            seq: self.seq,
            refused: self.refused,
            series: states.collect(),
        };
        if let Some(browser) = cx.publisher() {
            note(cx.send(browser, Kind::Text, &json(&snapshot)));
        }
    }

    fn publish_changes(&mut self, cx: &mut RoomCx<'_>, gone: &[Key]) {
        self.seq += 1;
        let changed = self.series.iter().filter(|(_, series)| series.changed);
        let changes = Report::Changes {
            seq: self.seq,
            refused: self.refused,
            series: changed.map(|series| self.state(series)).collect(),
            gone,
        };
        note(cx.publish(Kind::Text, &json(&changes)));
        for series in self.series.values_mut() {
            series.changed = false;
        }
        self.changed = false;
    }

    fn state<'a>(&self, ((device, metric), series): (&'a Key, &Series)) -> State<'a> {
        State {
            device,
            metric,
            value: series.value,
            at: series.at,
            age: millis(self.now - series.heard),
            count: series.count,
            stale: series.stale,
            history: None,
        }
    }
}

fn note(told: Result<(), PublishError>) {
    if let Err(err) = told {
        log::error!("the board: {err}");
    }
}
