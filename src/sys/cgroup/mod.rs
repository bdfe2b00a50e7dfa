//! Control groups (`cgroups(7)`): those around the process, of version 1 and 2, and their limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The text of a file, if it can be read.
pub type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

/// The contents of a file. One name that is not UTF-8, such as that of a mount, must not hide the
/// others.
pub fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Thousandths of a CPU core that the control groups allow the process, the least of them; `None`
/// if none has a quota.
pub fn quota(read: Read<'_>) -> Option<usize> {
    let quotas = Groups::of("cpu", read).filter_map(|group| group.quota(read));
    quotas.min()
}

/// Threads that the process may still start in its control groups (`pids.max` less
/// `pids.current`), the fewest of them; `None` if none has a limit.
pub fn threads_left(read: Read<'_>) -> Option<usize> {
    let left = Groups::of("pids", read).filter_map(|group| {
        let most: usize = group.number("pids.max", read)?;
        let now: usize = group.number("pids.current", read)?;
        Some(most.saturating_sub(now))
    });
    left.min()
}

/// The control groups around a process.
pub(super) struct Groups;

/// One of them.
pub(super) struct Group {
    pub(super) version: Version,
    path: PathBuf,
}

/// A version of control groups.
#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    /// A hierarchy for each controller.
    One,
    /// One hierarchy for all.
    Two,
}

impl Groups {
    /// The groups in which `controller` may limit this process, from its own up to the root, as far
    /// as they are mounted.
    pub(super) fn of(controller: &str, read: Read<'_>) -> std::vec::IntoIter<Group> {
        let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
        let mounts = mounts
            .lines()
            .filter_map(|line| Mount::parse(line, controller));
        let mounts: Vec<Mount> = mounts.collect();
        let place = PathBuf::from("/sys/fs/cgroup");
        // If a sandbox hides its mounts, the limit is still in its usual place.
        let is_known = mounts.iter().any(|mount| mount.point == place);
        let customary = (!is_known).then(|| Mount {
            version: Version::Two,
            root: PathBuf::from("/"),
            point: place,
        });
        let mut found = Vec::new();
        for mount in &mounts {
            let mut lines = groups.lines();
            let group = lines.find_map(|line| mount.version.group(line, controller));
            found.extend(group.into_iter().flat_map(|group| mount.around(group)));
        }
        found.extend(customary.iter().flat_map(|mount| mount.around("/")));
        found.into_iter()
    }
}

impl Group {
    /// The number in one of its files.
    pub(super) fn number<T: FromStr>(&self, file: &str, read: Read<'_>) -> Option<T> {
        read(&self.path.join(file))?.trim().parse().ok()
    }

    /// Thousandths of a core: `cpu.max` has microseconds and their period, or `max`. Version 1 has
    /// two files, and -1 for none.
    fn quota(&self, read: Read<'_>) -> Option<usize> {
        let (quota, period) = match self.version {
            Version::One => (
                self.number("cpu.cfs_quota_us", read)?,
                self.number("cpu.cfs_period_us", read)?,
            ),
            Version::Two => {
                let text = read(&self.path.join("cpu.max"))?;
                let (quota, period) = text.trim().split_once(' ')?;
                (quota.parse().ok()?, period.parse().ok()?)
            }
        };
        let (quota, period): (i64, i64) = (quota, period);
        let quota = usize::try_from(quota).ok()?;
        quota
            .checked_mul(1_000)?
            .checked_div(usize::try_from(period).ok()?)
    }
}

/// A mounted hierarchy of control groups.
struct Mount {
    version: Version,
    /// The group that is mounted.
    root: PathBuf,
    /// The path where it is mounted.
    point: PathBuf,
}

impl Mount {
    /// Reads a line of proc_pid_mountinfo(5):
    /// `36 35 98:0 /root /point options optional... - type source options`.
    fn parse(line: &str, controller: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup2" => Version::Two,
            "cgroup" if kind.nth(1)?.split(',').any(|word| word == controller) => Version::One,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        Some(Self {
            version,
            root: unescape(place.next()?),
            point: unescape(place.next()?),
        })
    }

    /// A group in this hierarchy and the groups around it, as far as they are mounted.
    fn around(&self, group: &str) -> Vec<Group> {
        let below = match Path::new(group).strip_prefix(&self.root) {
            Ok(below) => below,
            // The mounted group is outside the process's namespace, and so it is around the
            // process's group.
            Err(_) if self.root.starts_with("/..") => Path::new(""),
            Err(_) => return Vec::new(),
        };
        let groups = below.ancestors().map(|group| Group {
            version: self.version,
            path: self.point.join(group),
        });
        groups.collect()
    }
}

impl Version {
    /// The process's group, if a line of `/proc/self/cgroup` names it: `0::/group`, or
    /// `4:memory:/group` with version 1.
    fn group<'l>(self, line: &'l str, controller: &str) -> Option<&'l str> {
        let (hierarchy, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let is_it = match self {
            Self::One => controllers.split(',').any(|word| word == controller),
            Self::Two => hierarchy == "0" && controllers.is_empty(),
        };
        is_it.then_some(group)
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
mod tests;
