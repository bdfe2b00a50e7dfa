//! Every key, from everywhere it may be set.

use crate::settings::draft::{LISTENER_FLAGS, variable};
use crate::settings::field::{self, Field};
use crate::settings::keys::{Key, SECTIONS, keys};
use crate::settings::listeners::keys::{LISTENER_KEYS, NO_ADDRESS};
use crate::settings::namespaces::keys::NAMESPACE_KEYS;
use crate::settings::tests::{read, values};
use crate::settings::value::list::{show_list, split};
use crate::settings::value::units::{show_size, show_time};
use crate::settings::{Listen, Namespace, Protocol, Settings, default_file, reference};

/// A value that is right and not the default, as in a variable.
fn sample<T: Clone>(key: &Key<T>, default: &T) -> String {
    let other = match &key.field {
        Field::Switch(at) => (!*at(&mut default.clone())).to_string(),
        Field::SwitchOr(at, _) => at(&mut default.clone()).is_none().to_string(),
        Field::Count(_, range) | Field::CountOr(_, range, _) => {
            let [start, end] = [range.start(), range.end()].map(usize::to_string);
            if start == key.field.show(default) {
                end
            } else {
                start
            }
        }
        Field::Size(_, range) | Field::SizeOr(_, range, _) => show_size(*range.end()),
        Field::Time(_, range) | Field::TimeOr(_, range, _) => show_time(*range.end()),
        Field::RateOr(_, per, _) => per.examples()[1].to_owned(),
        Field::Choice(at) => {
            let words = at(&mut default.clone()).words();
            (*words.last().unwrap()).to_owned()
        }
        Field::First(_) => "7".to_owned(),
        Field::Listen(_) => "unix:beside.sock".to_owned(),
        Field::AddressOr(..) => "[::1]:65535".to_owned(),
        Field::Mode(_) => "0777".to_owned(),
        Field::Text(..) if key.is_secret => "hunter2".repeat(5),
        Field::Text(..) if key.name.ends_with("_url") => "https://example.com".to_owned(),
        Field::Text(..) if key.name == "cluster.address" => "redis://redis.example.com".to_owned(),
        Field::Text(..) => "\"\\\u{1}x".to_owned(),
        Field::List(at) => at(&mut default.clone()).example().join(","),
    };
    assert_ne!(
        key.field.show(default).trim_matches('"'),
        other,
        "{}",
        key.name
    );
    other
}

/// The same in a file.
fn literal<T: Clone>(key: &Key<T>, sample: &str) -> String {
    match key.field {
        Field::Switch(_)
        | Field::SwitchOr(..)
        | Field::Count(..)
        | Field::CountOr(..)
        | Field::First(_) => sample.to_owned(),
        Field::List(_) => show_list(&split(sample)),
        _ => field::quote(sample),
    }
}

/// A file with one key; what must go with it goes with it.
fn file_with(key: &str, value: &str) -> String {
    let size = "limits.message";
    match key.rsplit_once('.') {
        None => format!("{key} = {value}\n"),
        Some(("limits", "message")) => {
            format!("[limits]\nmessage = {value}\nassembly = \"1GiB\"\n")
        }
        Some(("limits", "log")) => format!("[limits]\nlog = {value}\nbacklog = \"1GiB\"\n"),
        Some(("auth", last)) if !["anonymous", "insecure"].contains(&last) => {
            format!("[auth]\nanonymous = true\n{last} = {value}\n")
        }
        Some(("cluster", last)) if last != "address" => {
            format!("[cluster]\naddress = \"redis://h\"\n{last} = {value}\n")
        }
        Some(("topics", last)) if !["history_size", "linger"].contains(&last) => {
            let needs = match last {
                "flush_latest" => "flush = \"1s\"",
                "force_push_join_leave" => "join_leave = true",
                _ => "history_size = 2",
            };
            format!("[topics]\n{needs}\n{last} = {value}\n")
        }
        Some((section, last)) => {
            assert_ne!(key, size);
            format!("[{section}]\n{last} = {value}\n")
        }
    }
}

#[test]
fn the_default_file_gives_the_defaults() {
    let settings = read(&default_file(), &[], &[]).unwrap();
    assert_eq!(values(&settings), values(&Settings::default()));
    for key in LISTENER_KEYS {
        let line = format!("\n{} = ", key.name);
        let text = default_file().replace("\n# ", "\n");
        assert!(text.contains(&line), "{}", key.name);
    }
    let nothing = read("", &[], &[]).unwrap();
    assert_eq!(values(&nothing), values(&Settings::default()));
}

#[test]
fn every_key_is_read_from_everywhere_and_printed_back() {
    let default = Settings::default();
    for key in keys() {
        let sample = sample(key, &default);
        let literal = literal(key, &sample);
        let text = file_with(key.name, &literal);
        let by_file = read(&text, &[], &[]).unwrap();
        assert_eq!(key.field.show(&by_file), literal, "{}", key.name);
        let print = by_file.print();
        if key.is_secret {
            assert!(!print.contains(&sample), "{print}");
            let rest = file_with("auth.anonymous", "true");
            let rest = rest + &file_with("cluster.address", "\"redis://h\"");
            let by_env = read(&rest, &[(&variable(key.name), &sample)], &[]).unwrap();
            assert_eq!(key.field.show(&by_env), literal, "{}", key.name);
            continue;
        }
        let last = key.name.rsplit('.').next().unwrap();
        assert!(
            print.contains(&format!("\n{last} = {literal} # c.toml:"))
                || print.starts_with(&format!("{last} = {literal} # c.toml:1\n")),
            "{print}"
        );
        let again = read(&print, &[], &[]).unwrap();
        assert_eq!(values(&again), values(&by_file), "{}", key.name);

        let env = [(variable(key.name), sample.clone())];
        let rest = format!("\n{text}").replace(&format!("\n{last} = {literal}\n"), "\n");
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let by_env = read(&rest, &env, &[]).unwrap();
        assert_eq!(key.field.show(&by_env), literal, "{}", key.name);
        assert!(
            by_env
                .print()
                .contains(&format!(" # {}\n", variable(key.name)))
        );
        if let Some(flag) = key.flag {
            let by_flag = read(&rest, &[], &[(flag, &sample)]).unwrap();
            assert_eq!(key.field.show(&by_flag), literal, "{flag}");
            assert!(by_flag.print().contains(&format!(" # {flag}\n")));
        }
    }
}

#[test]
fn every_key_of_a_listener_is_read_from_everywhere_and_printed_back() {
    let default = Listen::new(Protocol::Http, NO_ADDRESS);
    for key in LISTENER_KEYS {
        let sample = sample(key, &default);
        let literal = literal(key, &sample);
        let address = match key.name {
            "unix_mode" => "address = \"unix:beside.sock\"\n",
            _ => "address = \"127.0.0.1:1\"\n",
        };
        let protocol = match key.name {
            "format" => "protocol = \"centrifuge\"\n",
            _ => "protocol = \"length-prefix\"\n",
        };
        let keys = [
            protocol,
            address,
            "tls_chain = [\"a.pem\", \"b.pem\"]\n",
            "tls_key = [\"a.key\", \"b.key\"]\n",
            "tls_client_auth = \"optional\"\n",
            "tls_client_ca = \"ca.pem\"\n",
        ];
        let rest: String = keys
            .into_iter()
            .filter(|line| !line.starts_with(key.name))
            .collect();
        let rest =
            format!("trusted_proxies = [\"::1\"]\nauth.insecure = true\n[[listener]]\n{rest}");
        let text = format!("{rest}{} = {literal}\n", key.name);
        let by_file = read(&text, &[], &[]).unwrap();
        assert_eq!(key.field.show(&by_file.listeners[0]), literal);
        let again = read(&by_file.print(), &[], &[]).unwrap();
        assert_eq!(again.listeners, by_file.listeners);

        let name = variable(&format!("listener.0.{}", key.name));
        let by_env = read(&rest, &[(&name, &sample)], &[]).unwrap();
        assert_eq!(by_env.listeners, by_file.listeners);
        assert!(by_env.print().contains(&format!(" # {name}\n")));
    }
}

#[test]
fn every_key_of_a_namespace_is_read_from_everywhere_and_printed_back() {
    let default = Namespace::default();
    for key in NAMESPACE_KEYS {
        let sample = match key.name {
            "name" => "größe".to_owned(),
            "pattern" => "device/+/{id}".to_owned(),
            _ => sample(key, &default),
        };
        let literal = literal(key, &sample);
        let keys = [
            "name = \"match\"\n",
            "history_size = 3\n",
            "join_leave = true\n",
            "flush = \"2s\"\n",
        ];
        let is_other = |line: &&str| match key.name {
            "pattern" => !line.starts_with("name"),
            name => !line.starts_with(&format!("{name} ")),
        };
        let rest: String = keys.into_iter().filter(is_other).collect();
        let rest = format!("[[namespace]]\n{rest}");
        let text = format!("{rest}{} = {literal}\n", key.name);
        let by_file = read(&text, &[], &[]).unwrap();
        assert_eq!(key.field.show(&by_file.namespaces[0]), literal);
        let again = read(&by_file.print(), &[], &[]).unwrap();
        assert_eq!(again.namespaces, by_file.namespaces);

        let name = variable(&format!("namespace.0.{}", key.name));
        let by_env = read(&rest, &[(&name, &sample)], &[]).unwrap();
        assert_eq!(by_env.namespaces, by_file.namespaces);
        assert!(by_env.print().contains(&format!(" # {name}\n")));
    }
}

#[test]
fn the_table_of_keys_is_sorted_by_section_and_complete() {
    for (at, key) in keys().enumerate() {
        let section = key.name.rsplit_once('.').map_or("", |(section, _)| section);
        assert!(
            SECTIONS.iter().any(|(known, _)| *known == section),
            "{}",
            key.name
        );
        assert!(
            keys().take(at).all(|other| other.name != key.name),
            "{}",
            key.name
        );
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
    for (flag, _, name) in LISTENER_FLAGS {
        assert!(LISTENER_KEYS.iter().any(|key| key.name == *name), "{flag}");
    }
}

#[test]
fn the_page_of_the_reference_is_up_to_date() {
    let page = include_str!("../../../docs/CONFIG.md");
    assert!(
        page == reference(),
        "run: cargo run -- config doc > docs/CONFIG.md"
    );
}
