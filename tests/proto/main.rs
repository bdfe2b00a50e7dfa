//! The codecs: against another implementation, and against seeded input.

#![expect(clippy::unwrap_used, reason = "test support")]

mod conformance;
mod fuzz;
