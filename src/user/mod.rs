//! Users, without connections: which connections each user has, at the user's home.

pub(crate) mod homes;
mod name;

pub(crate) use name::UserHash;
