//! A relay that delays: what came in on one side goes out on the other so much later.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::thread::nanosleep;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Serves a listener for ever, with threads of the calling one.
pub(crate) fn serve(listener: &TcpListener, to: &str, delay: Duration) {
    for near in listener.incoming().map_while(Result::ok) {
        let Ok(far) = TcpStream::connect(to) else {
            continue;
        };
        for socket in [&near, &far] {
            socket.set_nodelay(true).unwrap();
        }
        let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        pass(near, far, delay);
        pass(far_too, near_too, delay);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = channel::<(Duration, Vec<u8>)>();
    thread::spawn(move || {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(len) = from.read(&mut bytes)
            && len > 0
            && sender.send((now() + delay, bytes[..len].to_vec())).is_ok()
        {}
    });
    thread::spawn(move || {
        for (due, bytes) in receiver {
            let left = due.saturating_sub(now());
            drop(nanosleep(&Timespec::try_from(left).unwrap()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        // The other side may have ended it as well.
        drop(to.shutdown(Shutdown::Write));
    });
}

fn now() -> Duration {
    clock_gettime(ClockId::Monotonic).try_into().unwrap()
}
