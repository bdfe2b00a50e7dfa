//! Sends every message back to its sender, over WebSocket and TCP.
//!
//! `cargo run --example echo`, then `npx --yes wscat --connect ws://127.0.0.1:8080/`.

mod support;

use clap::Parser;
use corecast::{Cx, Halt, Handler, Message, Opening, Refusal};

struct Echo;

impl Handler for Echo {
    type Conn = ();
    type Answer = ();

    fn on_open(&mut self, _: &mut Cx<'_, ()>, _: &Opening<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, ()>, message: Message<'_>) -> Result<(), Halt> {
        // For a client that does not read, this returns `Busy`: the client is not read until it
        // reads.
        Ok(cx.reply(message.kind, message.payload)?)
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: support::Flags,
}

fn main() -> Result<(), corecast::Error> {
    let server = Cli::parse().flags.server("echo").start(|_shard| Echo)?;
    support::run(server)
}
