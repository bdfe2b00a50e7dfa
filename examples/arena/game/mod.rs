//! The game itself: no clock, no network, no locks.

pub(crate) mod bots;
pub(crate) mod geometry;
pub(crate) mod obstacles;
pub(crate) mod pace;
pub(crate) mod player;
pub(crate) mod rng;
pub(crate) mod wire;
pub(crate) mod world;
