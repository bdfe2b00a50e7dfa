//! The fan-out over sockets that a test controls, without connections.

mod backlog;
mod deltas;
mod overrun;
mod own;
mod pages;
mod received;
mod sockets;
mod timing;
mod topics;
mod walk;
mod world;
