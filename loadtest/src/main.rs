//! Load generator: opens many connections and checks every delivery.

fn main() {}
