//! What a process has to do with its service manager, and with other processes of this program.

pub mod inherited;
pub mod journal;
pub mod notify;
pub mod processes;
