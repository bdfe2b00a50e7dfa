//! What comes in the same flight as the end of a handshake.

use std::io::Write;
use std::net::SocketAddr;

use crate::support::length_prefix::LengthPrefix;
use crate::support::socket::dial;
use crate::support::tls::{Tls, client};
use crate::tls::served::Scene;

/// Shakes hands, with `bytes` right behind the last of the client's words for that.
fn shake_saying(scene: &Scene, addr: SocketAddr, bytes: &[u8]) -> Tls {
    let mut stream = dial(addr);
    let mut tls = client(&scene.config, "localhost");
    tls.writer().write_all(bytes).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap();
    }
    let mut tls = Tls::new(tls, stream);
    tls.flush().unwrap();
    tls
}

#[test]
fn one_who_speaks_at_once_is_greeted_before_it_is_heard() {
    let scene = Scene::new();
    // The topic lives on one shard: about half of these wait for the other.
    for _ in 0..16 {
        let too_long = [0xFF; 4];
        let tls = shake_saying(&scene, scene.tcps(), &too_long);
        let mut device = LengthPrefix::greeted(tls);
        assert_eq!(device.next_or_end(), None);
    }
}
