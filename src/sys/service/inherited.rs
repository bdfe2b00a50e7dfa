//! Sockets that were opened for the process before it started: `sd_listen_fds(3)`.

use std::env;
use std::io::{self, ErrorKind};
use std::os::fd::{OwnedFd, RawFd};

use rustix::io::fcntl_dupfd_cloexec;

use crate::sys::socket;

/// A copy of an inherited socket, by its name or its number from 0.
///
/// It is a copy because the next server in the same process may ask for the same number.
///
/// # Errors
///
/// `NotFound` if there is no such socket.
pub fn inherited(name: &str) -> io::Result<OwnedFd> {
    let place = place_of(name, std::process::id(), |variable| env::var(variable).ok());
    let Some(place) = place else {
        let none = "this process was given no such socket (LISTEN_FDS, LISTEN_FDNAMES); is there a \
                    unit of type socket with this FileDescriptorName=?";
        return Err(io::Error::new(ErrorKind::NotFound, none));
    };
    Ok(fcntl_dupfd_cloexec(socket::borrow(FIRST + place)?, 0)?)
}

/// The index of an inherited socket, if the sockets are for this process.
fn place_of(name: &str, pid: u32, variable: impl Fn(&str) -> Option<String>) -> Option<RawFd> {
    // A supervisor that starts other programs in between cannot know the process id, and does
    // not set it.
    let of = variable("LISTEN_PID").filter(|of| !of.is_empty());
    let is_for_us = of.is_none_or(|of| of == pid.to_string());
    let count: RawFd = variable("LISTEN_FDS")?.parse().ok()?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = (0..).zip(names.split(':'));
    let named = names
        .find(|(_, other)| *other == name)
        .map(|(place, _)| place);
    let place = named.or_else(|| name.parse().ok());
    place.filter(|place| is_for_us && (0..count).contains(place))
}

/// The number of the first inherited socket.
const FIRST: RawFd = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 17;

    fn place(name: &str, environment: &[(&str, &str)]) -> Option<RawFd> {
        place_of(name, PID, |variable| {
            let found = environment.iter().find(|(other, _)| *other == variable);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn sockets_have_numbers_and_perhaps_names() {
        let given = [
            ("LISTEN_PID", "17"),
            ("LISTEN_FDS", "3"),
            ("LISTEN_FDNAMES", "web:devices:1"),
        ];
        for (name, expected) in [
            ("web", Some(0)),
            ("devices", Some(1)),
            ("0", Some(0)),
            // The name takes precedence over the number.
            ("1", Some(2)),
            ("2", Some(2)),
            ("3", None),
            ("-1", None),
            ("admin", None),
        ] {
            assert_eq!(place(name, &given), expected, "{name}");
        }
    }

    #[test]
    fn sockets_of_another_process_are_none() {
        let fds = |count| ("LISTEN_FDS", count);
        assert_eq!(place("0", &[("LISTEN_PID", "18"), fds("1")]), None);
        assert_eq!(place("0", &[("LISTEN_PID", ""), fds("1")]), Some(0));
        assert_eq!(place("0", &[]), None);
        assert_eq!(place("0", &[fds("many")]), None);
    }
}
