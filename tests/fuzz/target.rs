//! Every fuzz target: the body whose name the binary has, from `corecast::internals::fuzz`.

#![no_main]

use std::sync::LazyLock;

use corecast::internals::fuzz::{BODIES, Body};

static BODY: LazyLock<Body> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    let body = BODIES.iter().find(|(body, _)| *body == name);
    body.expect("a body of this name").1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| BODY(data));
