//! The amount of memory: the host's, or what a control group allows.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that this process may use: the host's (`MemTotal` of proc_meminfo(5)), or the
/// smallest limit of its control groups, from its own up to the root, if that is less (cgroups(7));
/// 0 if both are unknown.
pub fn total() -> usize {
    total_by(&text)
}

/// Asks the allocator to return its free memory to the host.
///
/// glibc returns by itself only free memory at the end of its heaps, and the memory of a hundred
/// thousand removed topics lies between memory still in use (malloc_trim(3)). Other allocators need
/// no request.
pub fn release() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time, by any thread.
    let _given = unsafe { libc::malloc_trim(0) };
}

/// Has the allocator join each small block with its free neighbours when it is freed.
///
/// By default, glibc keeps small free blocks apart (fast bins), and joins all of them when a large
/// block is freed: after a million, that takes 50 ms. The setting is that of the whole process, so
/// programs choose it, and libraries do not (mallopt(3), `M_MXFAST`).
pub fn join_small_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) locks what it changes, and other threads read the setting as one word.
    let _set = unsafe { libc::mallopt(libc::M_MXFAST, 0) };
}

/// The text of a file, if it can be read.
type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

/// The contents of a file. One name that is not UTF-8, such as that of a mount, must not hide the
/// others.
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

/// The smallest limit of the process's control groups, if any has one.
fn limit(read: Read<'_>) -> Option<usize> {
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let mounts: Vec<_> = mounts.lines().filter_map(Mount::parse).collect();
    let place = PathBuf::from("/sys/fs/cgroup");
    // If a sandbox hides its mounts, the limit is still in its usual place.
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
    /// The path where it is mounted.
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

    /// The smallest limit of a group in this hierarchy and of the groups around it, as far as they
    /// are mounted.
    fn least(&self, group: &str, read: Read<'_>) -> Option<usize> {
        let below = match Path::new(group).strip_prefix(&self.root) {
            Ok(below) => below,
            // The mounted group is outside the process's namespace, and so it is around the
            // process's group.
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
        // Version 1 reports a very large number if there is no limit.
        limits.min().filter(|limit| *limit < usize::MAX / 4)
    }
}

impl Version {
    /// The process's group, if a line of `/proc/self/cgroup` names it: `0::/group`, or
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

    /// The files with a group's limits. Above `memory.high` a process is not killed but slowed down
    /// until it stops.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::One => &["memory.limit_in_bytes"],
            Self::Two => &["memory.max", "memory.high"],
        }
    }
}

/// A path in mountinfo, where spaces and similar characters are written as a backslash and three
/// octal digits.
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
