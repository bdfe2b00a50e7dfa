//! Tokens that are read, taken in turn, and renewed in time.

use super::*;

fn args(set: impl FnOnce(&mut TokenArgs)) -> TokenArgs {
    let mut args = TokenArgs::default();
    set(&mut args);
    args
}

fn failure(args: &TokenArgs) -> String {
    match args.tokens() {
        Err(RunError::Failed(text)) => text,
        _ => panic!("it has tokens"),
    }
}

#[test]
fn connections_take_tokens_in_turn() {
    let file = std::env::temp_dir().join(format!("loadtest-tokens-{}", std::process::id()));
    fs::write(&file, "a\nb\n c \n").unwrap();
    let name = file.display().to_string();
    let listed = args(|args| args.token_file = Some(name.clone()))
        .tokens()
        .unwrap();
    let taken: Vec<_> = (0..5).filter_map(|number| listed.of(number)).collect();
    assert_eq!(taken.iter().map(|it| &**it).collect::<String>(), "abcab");
    fs::write(&file, "a\nb b\n").unwrap();
    let wrong = failure(&args(|args| args.token_file = Some(name.clone())));
    assert!(
        wrong.starts_with(&format!("{name}:2 is no token")),
        "{wrong}"
    );
    fs::write(&file, "").unwrap();
    assert!(failure(&args(|args| args.token_file = Some(name.clone()))).contains("no tokens"));
    fs::remove_file(&file).unwrap();
    let one = args(|args| args.token = Some("x.y".to_owned()))
        .tokens()
        .unwrap();
    assert_eq!(one.of(7).as_deref(), Some("x.y"));
    assert!(failure(&args(|args| args.token = Some("a\r\nb".to_owned()))).contains("no token"));
    assert!(TokenArgs::default().tokens().unwrap().of(0).is_none());
}

#[test]
fn a_command_makes_a_token_and_is_run_again_when_it_is_refused() {
    let file = std::env::temp_dir().join(format!("loadtest-runs-{}", std::process::id()));
    let name = file.display().to_string();
    let command = format!("echo run >>{name}; wc -l <{name}");
    let args = args(|args| args.token_command = Some(command));
    let tokens = args.tokens().unwrap();
    assert_eq!(tokens.of(0).as_deref(), Some("1"));
    // Once for all callers.
    assert_eq!(args.tokens().unwrap().of(9).as_deref(), Some("1"));
    tokens.renew();
    tokens.renew();
    let mut runs = 0;
    while tokens.of(0).as_deref() != Some("2") {
        runs += 1;
        assert!(runs < 100_000, "it is not run again");
        pause(Duration::from_millis(1));
    }
    fs::remove_file(&file).unwrap();
    let failing = TokenArgs {
        token_command: Some("echo no login >&2; exit 3".to_owned()),
        ..TokenArgs::default()
    };
    let said = failure(&failing);
    assert!(said.contains("exit status: 3: no login"), "{said}");
}

#[test]
fn the_end_of_a_token_is_read_from_its_claims() {
    let of = |claims: &str| format!("h.{}.s", BASE64URL_NOPAD.encode(claims.as_bytes()));
    assert_eq!(exp(&of(r#"{"exp":1700000000}"#)), Some(1_700_000_000));
    for none in [&of("{}"), "opaque", "a.b.c", ""] {
        assert_eq!(exp(none), None, "{none}");
    }
    assert_eq!(renewal("opaque"), NO_END);
    assert_eq!(renewal(&of(r#"{"exp":1}"#)), Duration::ZERO);
}
