//! `corecast completions` and `corecast man`.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::commands::{fail, run};

fn print(args: &[&str]) -> String {
    let output = run(args, b"");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = print(&["completions", shell]);
        for word in ["sub", "top", "token-command", "reload"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = print(&["completions", "bash"]);
    let mut bash = Command::new("bash");
    let mut bash = bash.arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn each_command_has_a_page() {
    let page = print(&["man"]);
    assert!(page.contains(".TH corecast 1"), "{page}");
    let page = print(&["man", "config", "check"]);
    assert!(page.contains(".TH corecast-config-check 1"), "{page}");
    let name = format!("corecast-{}-pages", std::process::id());
    let folder = std::env::temp_dir().join(name);
    print(&["man", "--out", folder.to_str().unwrap()]);
    for command in ["sub", "pub", "top", "serve", "config-default", "man"] {
        let page = fs::read_to_string(folder.join(format!("corecast-{command}.1"))).unwrap();
        assert!(
            page.contains(&format!(".TH corecast-{command} 1")),
            "{page}"
        );
    }
    fs::remove_dir_all(&folder).unwrap();
    let (code, told) = fail(&["man", "nothing"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("corecast --help"), "{told}");
}
