//! The `corecast` program.

fn main() {}
