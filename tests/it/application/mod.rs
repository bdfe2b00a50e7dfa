//! What an application can do with the library.

mod answers;
mod callbacks;
mod joins;
mod rooms;
mod waits;
