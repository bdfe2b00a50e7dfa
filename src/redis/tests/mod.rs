//! Tests of what decides: the envelope, and the reader against a model of an engine.

mod envelope;
mod model;
mod reader;
mod resp;
