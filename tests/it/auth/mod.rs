//! Identity and permission over real sockets: keys from an endpoint, TCP, certificates, the log.

mod endpoint;
mod history;
mod kept;
mod listeners;
mod manage;
mod matrix;
mod program;
mod provider;
mod refused;
mod reload;
mod revoke;
mod users;
