//! Writes the reference of all keys, the default file, and the values in effect.

use crate::settings::draft::{LISTENER_FLAGS, listener_key, variable};
use crate::settings::keys::{Key, SECTIONS, keys};
use crate::settings::listeners::keys::{LISTENER_KEYS, LISTENERS};
use crate::settings::namespaces::keys::{EXAMPLE, INHERITED, NAMESPACE_KEYS, NAMESPACES};
use crate::settings::tables::{Table, table_key};
use crate::settings::{FILE_VARIABLE, Listen, Namespace, Protocol, Settings, Source, Tls};
use crate::shard::Balance;

/// The longest line of a comment.
const COLUMNS: usize = 96;

/// The reference of all keys, as Markdown.
pub fn reference() -> String {
    let mut page = format!("{HEAD}\n`--config` or `{FILE_VARIABLE}` names the file.\n");
    let default = Settings::default();
    for (section, about) in SECTIONS {
        let title = if section.is_empty() {
            "Top level".to_owned()
        } else {
            format!("`[{section}]`")
        };
        page += &format!("\n## {title}\n\n{about}\n\n{COLUMNS_OF_KEYS}");
        for key in keys_of(section) {
            let value = format!("`{}`", key.field.show(&default));
            let flag = key.flag.map(str::to_owned);
            page += &row(key, &default, &value, &variable(key.name), flag);
        }
    }
    page += &format!("\n## `[[namespace]]`\n\n{NAMESPACES}\n\n{COLUMNS_OF_KEYS}");
    let [own, inherited] = own_and_inherited();
    for key in own {
        let variable = variable_of_any::<Namespace>(key.name);
        let namespace = &Namespace::default();
        let value = format!("`{}`", key.field.show(namespace));
        page += &row(key, namespace, &value, &variable, None);
    }
    let inherited = inherited.iter().map(|key| format!("`{}`", key.name));
    let inherited: Vec<String> = inherited.collect();
    page += &format!("\n{INHERITED}{}.\n{EXAMPLE}", inherited.join(", "));
    page += &format!("\n## `[[listener]]`\n\n{LISTENERS}\n\n{COLUMNS_OF_KEYS}");
    let listen = &default.listeners[0];
    for key in LISTENER_KEYS {
        let value = match key.is_required {
            true => "none".to_owned(),
            false => format!("`{}`", key.field.show(listen)),
        };
        let flags = LISTENER_FLAGS.iter().filter(|(.., name)| *name == key.name);
        let flags: Vec<String> = flags.map(|(flag, ..)| (*flag).to_owned()).collect();
        let flag = (!flags.is_empty()).then(|| flags.join("`, `"));
        let variable = variable_of_any::<Listen>(key.name);
        page += &row(key, listen, &value, &variable, flag);
    }
    page + TAIL
}

/// The variable of a key in any table of its kind.
fn variable_of_any<T: Table>(name: &str) -> String {
    variable(&table_key::<T>(0, name)).replace("_0_", "_<n>_")
}

/// The keys that namespaces alone have, and those that they have from `[topics]`.
fn own_and_inherited() -> [Vec<&'static Key<Namespace>>; 2] {
    let is_own = |key: &&Key<Namespace>| matches!(key.name, "name" | "pattern");
    let (own, inherited) = NAMESPACE_KEYS.iter().partition(is_own);
    [own, inherited]
}

fn row<T: Clone>(
    key: &Key<T>,
    of: &T,
    default: &str,
    variable: &str,
    flag: Option<String>,
) -> String {
    let name = key.name.rsplit('.').next().unwrap_or(key.name);
    let expects = key.field.expects(of);
    let flag = flag.map_or_else(String::new, |flag| format!(" `{flag}`"));
    format!(
        "| `{name}` | {expects} | {default} | `{variable}`{flag} | {} |\n",
        key.doc
    )
}

/// A file with all keys, their defaults and their descriptions.
pub fn default_file() -> String {
    let settings = Settings::default();
    let mut text = "# The configuration of corecast: every key, with its default.\n".to_owned();
    write_file(&mut text, &settings, |text, doc, _, _| {
        text.push('\n');
        comment(text, doc);
        String::new()
    });
    text += "\n# Topics with settings of their own. These tables also have the keys of [topics], \
             except linger.\n# [[namespace]]\n";
    for key in own_and_inherited()[0].iter().copied() {
        text.push('\n');
        comment(&mut text, key.doc);
        text += "# ";
        line(&mut text, key, &Namespace::default(), "");
    }
    text += "\n# Listeners also have these keys.\n";
    for key in LISTENER_KEYS {
        let mut listeners = settings.listeners.iter();
        if !listeners.any(|listen| belongs(key, listen)) {
            text.push('\n');
            comment(&mut text, key.doc);
            text += "# ";
            line(&mut text, key, &settings.listeners[0], "");
        }
    }
    text
}

impl Settings {
    /// The values in effect, as a file that would set them, each with its source.
    pub fn print(&self) -> String {
        let mut text = String::new();
        write_file(&mut text, self, |_, _, name, is_default| {
            let source = self.source(name);
            let source = if is_default { Source::Default } else { source };
            format!(" # {source}")
        });
        text
    }
}

/// Writes a file of all values. `note` gets the text, the key's description and full name, and
/// whether its value is the default; it may write before the line, and returns what to write at
/// the end of the line.
fn write_file(
    text: &mut String,
    settings: &Settings,
    mut note: impl FnMut(&mut String, &str, &str, bool) -> String,
) {
    for (section, _) in SECTIONS {
        if !section.is_empty() {
            *text += &format!("\n[{section}]\n");
        }
        for key in keys_of(section) {
            let is_default = settings.source(key.name) == Source::Default;
            let note = note(text, key.doc, key.name, is_default);
            line(text, key, settings, &note);
        }
    }
    for (index, namespace) in settings.namespaces.iter().enumerate() {
        *text += "\n[[namespace]]\n";
        for key in NAMESPACE_KEYS {
            let name = table_key::<Namespace>(index, key.name);
            // What is not given is that of [topics].
            if settings.source(&name) != Source::Default {
                let note = note(text, key.doc, &name, false);
                line(text, key, namespace, &note);
            }
        }
    }
    for (index, listen) in settings.listeners.iter().enumerate() {
        *text += "\n[[listener]]\n";
        for key in LISTENER_KEYS.iter().filter(|key| belongs(key, listen)) {
            let name = listener_key(index, key.name);
            let is_default = settings.source(&name) == Source::Default;
            let note = note(text, key.doc, &name, is_default);
            line(text, key, listen, &note);
        }
    }
}

pub(super) fn line<T: Clone>(text: &mut String, key: &Key<T>, of: &T, note: &str) {
    let name = key.name.rsplit('.').next().unwrap_or(key.name);
    let value = key.field.show(of);
    if key.is_secret && value != "\"\"" {
        // As a comment: a server that reads this file has no key, instead of a known one.
        *text += &format!("# {name} = \"***\"{note}\n");
    } else {
        *text += &format!("{name} = {value}{note}\n");
    }
}

/// Whether a key has an effect on this listener.
fn belongs(key: &Key<Listen>, listen: &Listen) -> bool {
    match key.name {
        "name" => !listen.name.is_empty(),
        "unix_mode" => listen.address.is_unix(),
        "balance" => listen.balance != Balance::default(),
        "proxy_protocol" => listen.proxy_protocol,
        "defer_accept" => !listen.defer_accept,
        "format" => listen.protocol == Protocol::Centrifuge,
        "topic" | "role" | "last" | "text" | "token" => listen.protocol.framing().is_some(),
        name if name.starts_with("tls_") => listen.tls != Tls::default(),
        _ => true,
    }
}

fn keys_of(section: &str) -> impl Iterator<Item = &'static Key<Settings>> {
    keys().filter(move |key| {
        let own = key.name.rsplit_once('.').map_or("", |(section, _)| section);
        own == section
    })
}

/// Writes a comment, wrapped at [`COLUMNS`].
fn comment(text: &mut String, doc: &str) {
    let mut line = "#".to_owned();
    for word in doc.split(' ') {
        if COLUMNS < line.len() + 1 + word.len() {
            *text += &format!("{line}\n");
            line = "#".to_owned();
        }
        line.push(' ');
        line += word;
    }
    *text += &format!("{line}\n");
}

const HEAD: &str = "\
# Configuration

`corecast` runs without any configuration.
Values other than the defaults come from one TOML file, from environment variables, or from \
command-line flags.
A flag overrides a variable, a variable overrides the file, and the file overrides the default.

```console
corecast config default > corecast.toml       # every key with its default, as a start
corecast config check corecast.toml           # reports all errors, also those in its TLS files
corecast serve --config corecast.toml
corecast config print --config corecast.toml  # the values in effect, and the source of each
```

A size is a number with a unit, `B`, `KiB`, `MiB` or `GiB`, or a number of bytes.
A time is a number with a unit, `ms`, `s`, `m` or `h`.
A rate is a number per second, such as `100/s`. Its burst is how many may arrive at once after a \
pause: as many as in one second, or 500 with `100/s, 500 at once`.
In variables and flags, write texts without quotes and lists with commas.
These are errors: unknown keys, invalid values, and values that contradict each other. `corecast` \
reports all of them together and exits with code 2.

`corecast reload`, or SIGHUP, has a running server read the file and all files that it names \
again. It loads the sections `limits`, `timeouts`, `topics`, `http`, `api` and `auth` (except \
`revocations_file`), `log.level`, all namespaces, and the contents of TLS files.
If anything is wrong, nothing changes, and the log says what is wrong. Otherwise the log has each \
key that has changed, and names the changed keys that need a restart: all others, and a limit for \
each address or rate of opened connections that was off when the server started.
Connections that are open stay. A lower limit holds for those that come, a rate or a time for \
all.
";

const COLUMNS_OF_KEYS: &str = "\
| key | value | default | variable, flag | description |\n|---|---|---|---|---|\n";

const TAIL: &str = "
In a file, a listener is a table with the header `[[listener]]`. An address that other hosts \
reach, such as `0.0.0.0:8080`, needs a key of `[auth]`:

```toml
[[listener]]
protocol = \"http\"
address = \"127.0.0.1:8080\"

[[listener]]
protocol = \"length-prefix\"
address = \"127.0.0.1:9000\"
topic = \"sensors\"
```

This listener speaks HTTPS with two certificates; the client's host name (SNI) selects one. \
Paths are relative to the working directory of the server:

```toml
[[listener]]
protocol = \"http\"
address = \"127.0.0.1:8443\"
tls_chain = [\"first.pem\", \"second.pem\"]
tls_key = [\"first.key\", \"second.key\"]
```

This listener is for a proxy on the same host; the server trusts its `X-Forwarded-For`:

```toml
[[listener]]
protocol = \"http\"
address = \"unix:/run/corecast/http.sock\"
```

In variables, listeners and namespaces are numbered from 0 in the order of the file (`<n>` in the \
table): `CORECAST_LISTENER_1_TOPIC` is the topic of the second listener.
Without listeners in a file, 0 is the default `http` listener and 1 the default `length-prefix` \
listener. The next number adds a listener.
`--http` sets the address of the first `http` listener. `--tcp`, `--tcp-topic` and `--tcp-role` \
set address, topic and role of the first `length-prefix` listener. If there is no such listener, \
these flags add it.

A variable that begins with `CORECAST_` and is similar to a key is an error. Others are ignored, \
because orchestrators set some, such as `CORECAST_SERVICE_HOST`.
A variable with only a port, such as `CORECAST_HTTP_PORT=8080`, is an error: a listener needs a \
whole address.

`corecast config doc` writes this page.
";
