//! What stands between clients and a server, and cuts connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crossbeam_channel::{Receiver, unbounded};

/// Passes bytes on between clients and a server, and can cut all its connections.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    open: Receiver<TcpStream>,
}

impl Relay {
    /// Begins to listen, on a free port.
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (accepted, open) = unbounded();
        // It ends with the process.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(server).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    accepted.send(from.try_clone().unwrap()).unwrap();
                    thread::spawn(move || pass(from, to));
                }
            }
        });
        Self { addr, open }
    }

    /// Cuts all connections that there are.
    pub(crate) fn cut(&self) {
        for stream in self.open.try_iter() {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
