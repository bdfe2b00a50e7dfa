//! Whether standard error is a stream to the journal of systemd.

use std::env;
use std::io::stderr;

use rustix::fs::fstat;

/// Whether the journal reads what is written to standard error: `JOURNAL_STREAM` has the device and
/// inode of the stream that systemd has made, which may be another one by now (systemd.exec(5)).
pub fn reads_stderr() -> bool {
    let named = env::var("JOURNAL_STREAM").unwrap_or_default();
    let stream = named.split_once(':');
    let number = |text: &str| text.parse::<u64>().ok();
    let stream = stream.and_then(|(device, inode)| Some((number(device)?, number(inode)?)));
    let actual = fstat(stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino));
    stream.is_some() && stream == actual
}
