//! Commands that are read, and replies that are written.

mod commands;
mod pushes;
mod replies;
