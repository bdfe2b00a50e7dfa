//! Every limit and default, with its unit and its reason.
//!
//! A number that a user can change is the default of a field of `Config` here. A number that users
//! need not change is a constant here only.

mod accepting;
mod client;
mod compression;
mod connections;
mod ends;
mod http;
mod lanes;
mod memory;
mod operators;
mod rooms;
mod tls;
mod topics;
mod work;

pub use accepting::*;
pub use client::*;
pub use compression::*;
pub use connections::*;
pub use ends::*;
pub use http::*;
pub use lanes::*;
pub use memory::*;
pub use operators::*;
pub use rooms::*;
pub use tls::*;
pub use topics::*;
pub use work::*;
