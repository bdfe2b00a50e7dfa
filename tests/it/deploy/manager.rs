//! A service manager, for what the program tells it.

use std::env;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use crate::support::wait::PATIENCE;

/// A socket as a service manager has it; its file is gone when it is dropped.
pub(crate) struct Manager {
    socket: UnixDatagram,
    pub(crate) path: PathBuf,
}

impl Manager {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("corecast-{}-{test}.notify", std::process::id());
        let path = env::temp_dir().join(name);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// What the program says next, except signs of life.
    pub(crate) fn next(&self) -> String {
        loop {
            let told = self.next_of_all();
            if told != LIVES {
                return told;
            }
        }
    }

    pub(crate) fn next_of_all(&self) -> String {
        let mut told = [0; 1024];
        let len = self.socket.recv(&mut told).expect("it is told something");
        String::from_utf8(told[..len].to_vec()).unwrap()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

pub(crate) const LIVES: &str = "WATCHDOG=1";
