//! How much memory there is: the host's, or what a control group leaves of it.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that this process may use: the host's (`MemTotal` of proc_meminfo(5)), or the
/// least limit of its control groups, from its own up to the root, if that is less (cgroups(7));
/// 0 if neither is told.
pub fn total() -> usize {
    total_by(&text)
}

/// Has the allocator give back to the host what it keeps free.
///
/// glibc gives back by itself what is free at the end of its heaps alone, and what a hundred thousand
/// topics leave lies between what others keep (malloc_trim(3)). Other allocators need no asking.
pub fn release() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time, by any thread.
    let _given = unsafe { libc::malloc_trim(0) };
}

/// The text of a file, if it can be read.
type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

/// What a file holds. A single name that is no UTF-8, such as that of a mount, hides no other.
fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn total_by(read: Read<'_>) -> usize {
    let told = [of_host(read), limit(read)];
    told.into_iter().flatten().min().unwrap_or(0)
}

fn of_host(read: Read<'_>) -> Option<usize> {
    let info = read(Path::new("/proc/meminfo"))?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: usize = line?.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of the process's control groups, if any has one.
fn limit(read: Read<'_>) -> Option<usize> {
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let mounts: Vec<_> = mounts.lines().filter_map(Mount::parse).collect();
    let place = PathBuf::from("/sys/fs/cgroup");
    // Where a sandbox hides its mounts, the limit is still in its customary place.
    let is_known = mounts.iter().any(|mount| mount.point == place);
    let customary = (!is_known).then(|| Mount {
        version: Version::Two,
        root: PathBuf::from("/"),
        point: place,
    });
    let limits = mounts.iter().filter_map(|mount| {
        let group = groups.lines().find_map(|line| mount.version.group(line))?;
        mount.least(group, read)
    });
    limits
        .chain(customary.and_then(|mount| mount.least("/", read)))
        .min()
}

/// A mounted hierarchy of control groups that may limit memory.
struct Mount {
    version: Version,
    /// The group that is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Mount {
    /// Reads a line of proc_pid_mountinfo(5):
    /// `36 35 98:0 /root /point options optional... - type source options`.
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup2" => Version::Two,
            "cgroup" if kind.nth(1)?.split(',').any(|word| word == "memory") => Version::One,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        Some(Self {
            version,
            root: unescape(place.next()?),
            point: unescape(place.next()?),
        })
    }

    /// The least limit of a group of this hierarchy and of those around it, as far as they are
    /// mounted.
    fn least(&self, group: &str, read: Read<'_>) -> Option<usize> {
        let below = match Path::new(group).strip_prefix(&self.root) {
            Ok(below) => below,
            // What is mounted is outside of the process's namespace, and so around its group.
            Err(_) if self.root.starts_with("/..") => Path::new(""),
            Err(_) => return None,
        };
        let files = self.version.files().iter();
        let limits = files.filter_map(|file| {
            let groups = below.ancestors();
            let limits = groups.filter_map(|group| {
                let text = read(&self.point.join(group).join(file))?;
                text.trim().parse::<usize>().ok()
            });
            limits.min()
        });
        // The limits of version 1 have this form where there is none.
        limits.min().filter(|limit| *limit < usize::MAX / 4)
    }
}

impl Version {
    /// The process's group, if a line of `/proc/self/cgroup` tells of it: `0::/group`, or
    /// `4:memory:/group` with version 1.
    fn group(self, line: &str) -> Option<&str> {
        let (hierarchy, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let is_it = match self {
            Self::One => controllers.split(',').any(|word| word == "memory"),
            Self::Two => hierarchy == "0" && controllers.is_empty(),
        };
        is_it.then_some(group)
    }

    /// What limits a group. Above `memory.high` it is not killed but slowed to a halt.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::One => &["memory.limit_in_bytes"],
            Self::Two => &["memory.max", "memory.high"],
        }
    }
}

/// A path of mountinfo, where spaces and the like are three octal digits behind a backslash.
fn unescape(path: &str) -> PathBuf {
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let byte = after.get(..3).map(|octal| u8::from_str_radix(octal, 8));
        rest = match byte {
            Some(Ok(byte)) if byte.is_ascii() => {
                text.push(char::from(byte));
                &after[3..]
            }
            _ => {
                text.push('\\');
                after
            }
        };
    }
    text.push_str(rest);
    PathBuf::from(text)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
