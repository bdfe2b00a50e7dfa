//! What an application can do with the library.

mod answers;
mod callbacks;
mod rooms;
mod waits;
