//! The commands that make a run, a file or a folder for each.

pub(crate) mod broadcast;
pub(crate) mod capacity;
pub(crate) mod connect;
pub(crate) mod echo;
pub(crate) mod floor;
pub(crate) mod hostile;
pub(crate) mod ratio;
pub(crate) mod slow;
pub(crate) mod soak;
pub(crate) mod storm;
