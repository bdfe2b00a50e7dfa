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
    let given = Given::from(|variable| env::var(variable).ok());
    let place = given.place_of(name, std::process::id());
    let Some(place) = place else {
        let none = "this process was given no such socket (LISTEN_FDS, LISTEN_FDNAMES); is there a \
                    unit of type socket with this FileDescriptorName=?";
        return Err(io::Error::new(ErrorKind::NotFound, none));
    };
    Ok(fcntl_dupfd_cloexec(socket::borrow(FIRST + place)?, 0)?)
}

/// The variables that describe the sockets.
#[derive(Debug)]
struct Given {
    pid: Option<String>,
    count: RawFd,
    names: String,
}

impl Given {
    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let count = variable("LISTEN_FDS").and_then(|count| count.parse().ok());
        Self {
            pid: variable("LISTEN_PID").filter(|pid| !pid.is_empty()),
            count: count.unwrap_or_default(),
            names: variable("LISTEN_FDNAMES").unwrap_or_default(),
        }
    }

    /// The index of an inherited socket, if the sockets are for this process.
    fn place_of(&self, name: &str, pid: u32) -> Option<RawFd> {
        // A supervisor that starts other programs in between cannot know the process id, and does
        // not set it.
        let is_for_us = self.pid.as_ref().is_none_or(|of| *of == pid.to_string());
        let mut names = (0..).zip(self.names.split(':'));
        let named = names
            .find(|(_, other)| *other == name)
            .map(|(place, _)| place);
        let place: Option<RawFd> = named.or_else(|| name.parse().ok());
        place.filter(|place| is_for_us && (0..self.count).contains(place))
    }
}

/// The number of the first inherited socket.
const FIRST: RawFd = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 17;

    fn given(variables: &'static [(&str, &str)]) -> Given {
        Given::from(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn sockets_have_numbers_and_perhaps_names() {
        let given = given(&[
            ("LISTEN_PID", "17"),
            ("LISTEN_FDS", "3"),
            ("LISTEN_FDNAMES", "web:devices:1"),
        ]);
        for (name, place) in [
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
            assert_eq!(given.place_of(name, PID), place, "{name}");
        }
    }

    #[test]
    fn sockets_of_another_process_are_none() {
        let of_another = given(&[("LISTEN_PID", "18"), ("LISTEN_FDS", "1")]);
        assert_eq!(of_another.place_of("0", PID), None);
        let of_anybody = given(&[("LISTEN_PID", ""), ("LISTEN_FDS", "1")]);
        assert_eq!(of_anybody.place_of("0", PID), Some(0));
        assert_eq!(given(&[]).place_of("0", PID), None);
        assert_eq!(given(&[("LISTEN_FDS", "many")]).place_of("0", PID), None);
    }
}
