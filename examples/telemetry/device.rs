//! A simulated device: only a TCP connection, which every language has.

use std::f64::consts::TAU;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::wire::{Reading, json};

/// The metrics of simulated devices: unit, mean and amplitude.
const KINDS: [(&str, &str, f64, f64); 4] = [
    ("pump", "pressure", 3.2, 0.4),
    ("boiler", "temperature", 74.0, 6.0),
    ("fan", "speed", 1_480.0, 90.0),
    ("tank", "level", 61.0, 22.0),
];
/// Readings between two pauses of a device, and during a pause.
const BUSY: u32 = 80;
const SILENT: u32 = 40;

/// Reports until the server is gone.
pub(crate) fn simulate(number: usize, board: SocketAddr) {
    if let Err(err) = report(number, board) {
        log::debug!("device {number}: {err}");
    }
}

fn report(number: usize, board: SocketAddr) -> io::Result<()> {
    let (kind, metric, middle, swing) = KINDS[number % KINDS.len()];
    let device = format!("{kind}-{number}");
    let mut connection = TcpStream::connect(board)?;
    // Without this, a reading could wait for the next one.
    connection.set_nodelay(true)?;
    let period = Duration::from_millis(150 + 37 * (number as u64 % 11));
    let mut noise = Noise(number as u64 + 1);
    for step in 0.. {
        pause(period);
        // Every seventh device is silent at times, to show what this looks like.
        if number.is_multiple_of(7) && BUSY < step % (BUSY + SILENT) {
            continue;
        }
        let wave = (f64::from(step) * TAU / 90.0 + number as f64).sin();
        let value = middle + swing * (0.8 * wave + 0.2 * noise.next());
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let reading = Reading {
            device: device.clone(),
            metric: metric.to_owned(),
            value: (value * 100.0).round() / 100.0,
            at: at.map_or(0, |at| u64::try_from(at.as_millis()).unwrap_or(0)),
        };
        connection.write_all(&frame(&json(&reading)))?;
    }
    Ok(())
}

/// The wire form of a message: its length in 4 bytes, big-endian, and its bytes.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), message].concat()
}

fn pause(period: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a device is no shard: it may wait"
    )]
    thread::sleep(period);
}

/// Numbers that look random (xorshift by Marsaglia).
struct Noise(u64);

impl Noise {
    /// From -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % 2_001) as f64 / 1_000.0 - 1.0
    }
}
