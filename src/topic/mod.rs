//! Who gets what in one shard, and who else wants it.

pub mod feed;
pub mod feeds;
pub mod home;
pub mod lag;
pub mod local;
pub mod log;
pub mod member;
pub mod once;
pub mod segment;
pub mod sink;
pub mod tables;
