//! What a service manager is told: datagrams as `sd_notify(3)` sends them.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The socket of a service manager.
#[derive(Debug)]
pub struct Notifier(UnixDatagram);

impl Notifier {
    /// The socket that the environment names, if it names one.
    ///
    /// # Errors
    ///
    /// It cannot be reached.
    pub fn from_env() -> io::Result<Option<Self>> {
        match env::var(SOCKET) {
            Ok(name) if !name.is_empty() => Self::to(&name).map(Some),
            _ => Ok(None),
        }
    }

    /// A path, or the name of an abstract socket behind `@`.
    fn to(name: &str) -> io::Result<Self> {
        let addr = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&addr)?;
        // A manager that does not read must not hold up the server.
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Tells the manager this, one assignment in each line.
    ///
    /// # Errors
    ///
    /// It does not read, or has gone.
    pub fn send(&self, state: &str) -> io::Result<()> {
        self.0.send(state.as_bytes()).map(drop)
    }
}

/// What `Type=notify-reload` needs when a reload begins: the time, by which the manager tells this
/// reload from an earlier one.
pub fn reloading() -> String {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    format!("RELOADING=1\nMONOTONIC_USEC={micros}")
}

/// How long the manager waits for a sign of life, if it does (`sd_watchdog_enabled(3)`).
pub fn watchdog() -> Option<Duration> {
    let pid = std::process::id();
    watchdog_of(pid, |variable| env::var(variable).ok())
}

fn watchdog_of(pid: u32, variable: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let of = variable("WATCHDOG_PID");
    let is_for_us = of.is_none_or(|of| of == pid.to_string());
    let micros = variable("WATCHDOG_USEC")?.parse().ok()?;
    (is_for_us && 0 < micros).then(|| Duration::from_micros(micros))
}

const SOCKET: &str = "NOTIFY_SOCKET";
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_hears_what_it_is_told_by_a_path_or_an_abstract_name() {
        let name = format!("corecast-notify-{}", std::process::id());
        let path = env::temp_dir().join(&name);
        let listeners = [
            (
                UnixDatagram::bind(&path).unwrap(),
                path.display().to_string(),
            ),
            (
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
                format!("@{name}"),
            ),
        ];
        for (manager, name) in listeners {
            let notifier = Notifier::to(&name).unwrap();
            notifier.send("READY=1").unwrap();
            let mut heard = [0; 32];
            let len = manager.recv(&mut heard).unwrap();
            assert_eq!(&heard[..len], b"READY=1");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Notifier::to(&path.display().to_string()).is_err());
    }

    #[test]
    fn the_watchdog_of_another_process_is_none() {
        let with = |pid: Option<&str>, micros: Option<&str>| {
            watchdog_of(17, |variable| {
                let value = match variable {
                    "WATCHDOG_PID" => pid,
                    "WATCHDOG_USEC" => micros,
                    _ => None,
                };
                value.map(str::to_owned)
            })
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(with(Some("17"), Some("1000000")), second);
        assert_eq!(with(None, Some("1000000")), second);
        assert_eq!(with(Some("18"), Some("1000000")), None);
        assert_eq!(with(Some("17"), Some("0")), None);
        assert_eq!(with(Some("17"), None), None);
    }
}
