//! High-fanout message server for one Linux host.

pub mod limits;
pub mod mesh;
pub mod net;
pub mod proto;
pub mod sys;
pub mod time;
