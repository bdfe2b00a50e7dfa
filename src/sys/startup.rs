//! Errors of the host while a server starts, with the limit that may be the reason.

use std::io;

use rustix::io::Errno;

/// Adds to an error of the start which step failed, and what to do.
pub fn while_starting(what: &str, err: &io::Error) -> io::Error {
    let remedy = match err.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            "; raise the limit of open files (`ulimit -n`, LimitNOFILE= of systemd)"
        }
        Some(Errno::AGAIN) => {
            "; raise the limit of threads (`ulimit -u`, TasksMax= of systemd, pids.max of the \
             cgroup), or take fewer shards"
        }
        _ => "",
    };
    io::Error::new(err.kind(), format!("{what}: {err}{remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_host_is_named() {
        for (cause, remedy) in [
            (Errno::MFILE, "LimitNOFILE="),
            (Errno::AGAIN, "TasksMax="),
            (Errno::NOMEM, "cannot go on: "),
        ] {
            let cause = io::Error::from(cause);
            let err = while_starting("cannot go on", &cause);
            assert!(err.to_string().contains(remedy), "{err}");
            assert!(err.to_string().contains(&cause.to_string()), "{err}");
            assert_eq!(err.kind(), cause.kind());
        }
    }
}
