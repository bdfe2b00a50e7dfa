//! Keeps signals away from threads.

use std::mem::MaybeUninit;
use std::ptr;

/// Blocks all signals for the calling thread, so that other threads get them (signal(7)).
///
/// Most signal handlers write to a pipe. On a shard's thread, such a handler would write to
/// whatever has the pipe's number in that thread's descriptor table.
pub fn block_all() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: sigfillset(3) initialises the set it is given, and fails only for a bad pointer.
    // There is no safe way: rustix has no signal sets for threads.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: The set is initialised; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut()) };
}
