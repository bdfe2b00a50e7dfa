//! Unix-domain sockets as listeners: `unix(7)`.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{self, Path, PathBuf};

use rustix::fs::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::limits::LISTEN_BACKLOG;

/// The file of a bound socket. Dropping this removes the file, if it is still the same one.
#[derive(Debug)]
pub struct BoundPath {
    path: PathBuf,
    file: (u64, u64),
}

/// Binds a socket at `path` and listens. The write bits of `mode` say which users may connect; its
/// other bits have no effect. The file of a server that no longer runs is removed.
///
/// # Errors
///
/// `AddrInUse` if a server listens there, or the path is not a socket; `PermissionDenied` or
/// `NotFound` for its directory. The text has the path.
pub fn bind_unix(path: &Path, mode: u32) -> io::Result<(Socket, BoundPath)> {
    let bind = || -> io::Result<(Socket, BoundPath)> {
        let path = path::absolute(path)?;
        let socket = bind_at(&path, mode).or_else(|err| match err.kind() {
            ErrorKind::AddrInUse => {
                remove_stale(&path)?;
                bind_at(&path, mode)
            }
            _ => Err(err),
        })?;
        let bound = BoundPath {
            file: identity(&fs::symlink_metadata(&path)?),
            path,
        };
        // Adds the bits that the process's umask removed in bind(2).
        fs::set_permissions(&bound.path, fs::Permissions::from_mode(mode))?;
        socket.set_nonblocking(true)?;
        Ok((socket, bound))
    };
    bind().map_err(|err| {
        let remedy = match err.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                "; make its directory first, for instance by RuntimeDirectory= of systemd"
            }
            ErrorKind::PermissionDenied => {
                "; let the user that the server runs as write to its directory"
            }
            _ => "",
        };
        let text = format!("unix:{}: {err}{remedy}", path.display());
        io::Error::new(err.kind(), text)
    })
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        let is_same = |file: Metadata| identity(&file) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(is_same) {
            // If it cannot be removed, the next server can still bind.
            let _left = fs::remove_file(&self.path);
        }
    }
}

fn bind_at(path: &Path, mode: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The file has at most these bits from the beginning, so no other user can connect even for a
    // moment.
    fchmod(&socket, Mode::from_raw_mode(mode))?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Listen at once: another starting server would take a file without a listener for a leftover.
    // Clients that connect now wait until the shards run.
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

/// Removes the file of a server that no longer runs.
fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |what: &str| Err(io::Error::new(ErrorKind::AddrInUse, what));
    match fs::symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => {
            return in_use("there is a file that is no socket; remove it, or name another path");
        }
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // If the queue of connections is full, connect(2) would wait.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(err) if err.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        Err(err) if err.kind() == ErrorKind::PermissionDenied => {
            in_use("there is a socket that may not be tried; remove it, or name another path")
        }
        _ => in_use("another server listens there"),
    }
}

/// The identity of a file, whatever its path.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
