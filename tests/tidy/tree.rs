//! The files of the repository, as paths from its root and texts.

use std::fs;
use std::path::Path;

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether the file is compiled into tests alone.
    pub(crate) fn is_test(&self) -> bool {
        !self.path.starts_with("src/")
            || self.path.ends_with("tests.rs")
            || self.path.contains("/tests/")
            || self.path == "src/mesh/model.rs"
    }

    /// Numbered lines of code: without comments, and without the test module at the end.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = || self.text.lines().enumerate();
        let test_module = numbered()
            .filter(|(_, line)| line.starts_with("#[cfg(test)]"))
            .find(|(at, _)| {
                let item = self.text.lines().skip(*at);
                let item = item.skip_while(|line| line.starts_with("#["));
                item.take(1)
                    .any(|line| line.starts_with("mod ") && line.ends_with('{'))
            });
        let end = test_module.map_or(usize::MAX, |(at, _)| at);
        numbered()
            .take(end)
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(at, line)| (at + 1, line))
    }
}

/// All files with one of these endings, in the order of their paths. Build output and what git
/// keeps for itself are no files of the repository.
pub(crate) fn files(endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(
        Path::new(env!("CARGO_MANIFEST_DIR")),
        "",
        endings,
        &mut found,
    );
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(dir: &Path, prefix: &str, endings: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !["target", ".git", "node_modules", "corpus"].contains(&name.as_str()) {
                collect(&entry.path(), &format!("{path}/"), endings, found);
            }
        } else if endings.contains(&name.rsplit('.').next().unwrap()) {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(File { path, text });
        }
    }
}

#[test]
fn the_test_module_at_the_end_is_no_code() {
    let text =
        "use a;\n// b\n#[cfg(test)]\nfn c() {}\n#[cfg(test)]\n#[cfg(not(x))]\nmod t {\nd\n}\n";
    let file = File::new("src/x.rs", text);
    let lines: Vec<usize> = file.code().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 4]);
}
