//! Writing: the reference, the default file, and the values in effect.

use crate::settings::draft::{LISTENER_FLAGS, listener_key, variable};
use crate::settings::keys::{KEYS, Key, SECTIONS};
use crate::settings::listener_keys::{LISTENER_KEYS, LISTENERS};
use crate::settings::{FILE_VARIABLE, Listen, Settings, Source, Tls};
use crate::shard::Balance;

/// The longest line of a comment.
const COLUMNS: usize = 96;

/// The reference of all keys, as Markdown.
pub fn reference() -> String {
    let mut page = format!("{HEAD}\nThe file is named by `--config` or `{FILE_VARIABLE}`.\n");
    let default = Settings::default();
    for (section, about) in SECTIONS {
        let title = if section.is_empty() {
            "Before the first section".to_owned()
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
        let variable = variable(&listener_key(0, key.name));
        page += &row(key, listen, &value, &variable, flag);
    }
    page + TAIL
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

/// A file with all keys, their defaults, and what they are.
pub fn default_file() -> String {
    let settings = Settings::default();
    let mut text = "# The configuration of corecast: every key, with its default.\n".to_owned();
    write_file(&mut text, &settings, |text, doc, _, _| {
        text.push('\n');
        comment(text, doc);
        String::new()
    });
    text += "\n# Listeners have these, too.\n";
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
    /// The values in effect, as a file that would give them, each with where it comes from.
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

/// Writes a file of all values. `note` is given the text, the key's doc and full name, and
/// whether nobody has given it; it may write before the line, and says what to write at its end.
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
        // As a comment: who reads this again has no secret, and not one that everybody knows.
        *text += &format!("# {name} = \"***\"{note}\n");
    } else {
        *text += &format!("{name} = {value}{note}\n");
    }
}

/// Whether a listener's key says something where it stands.
fn belongs(key: &Key<Listen>, listen: &Listen) -> bool {
    match key.name {
        "name" => !listen.name.is_empty(),
        "unix_mode" => listen.address.is_unix(),
        "balance" => listen.balance != Balance::default(),
        "proxy_protocol" => listen.proxy_protocol,
        "defer_accept" => !listen.defer_accept,
        "topic" | "role" | "text" => listen.protocol.framing().is_some(),
        name if name.starts_with("tls_") => listen.tls != Tls::default(),
        _ => true,
    }
}

fn keys_of(section: &str) -> impl Iterator<Item = &'static Key<Settings>> {
    KEYS.iter().filter(move |key| {
        let own = key.name.rsplit_once('.').map_or("", |(section, _)| section);
        own == section
    })
}

/// Writes a comment, in lines of some words.
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

`corecast` serves without any configuration.
What is to be different is said in one TOML file, in variables of the environment, or by flags; a \
flag goes before a variable, a variable before the file, and the file before the default.

```console
corecast config default > corecast.toml       # every key with its default, to begin from
corecast config check corecast.toml           # says all that is wrong, with line and remedy
corecast serve --config corecast.toml
corecast config print --config corecast.toml  # the values in effect, and where each is from
```

Sizes are written with a unit, `B`, `KiB`, `MiB` or `GiB`, or as a number of bytes; times always \
with one: `ms`, `s`, `m` or `h`.
A rate is so many in a second, and how many may come at once after a pause, if that is not as many.
In variables and flags the quotes are left out, and a list is its texts with commas between.
A key that does not exist, a value that cannot be, and values that do not go together are errors: \
all of them are reported at once, and the exit code is 2.
";

const COLUMNS_OF_KEYS: &str = "\
| key | must be | default | variable, flag | what it is |\n|---|---|---|---|---|\n";

const TAIL: &str = "
In a file, a listener is a table with the header `[[listener]]`:

```toml
[[listener]]
protocol = \"http\"
address = \"0.0.0.0:80\"

[[listener]]
protocol = \"length-prefix\"
address = \"0.0.0.0:9000\"
topic = \"sensors\"
```

This one speaks HTTPS, and shows whoever asks for the second name the second certificate; a path \
is looked for from the working directory of the server:

```toml
[[listener]]
protocol = \"http\"
address = \"0.0.0.0:443\"
tls_chain = [\"first.pem\", \"second.pem\"]
tls_key = [\"first.key\", \"second.key\"]
```

This one is for a proxy on the same host, whose `X-Forwarded-For` is believed:

```toml
[[listener]]
protocol = \"http\"
address = \"unix:/run/corecast/http.sock\"
```

In variables the listeners are counted from 0, in the order of the file: \
`CORECAST_LISTENER_1_TOPIC` is the topic of the second.
Without listeners in a file, 0 is the default's `http` and 1 its `length-prefix`, and the next \
number adds one.
`--http` sets the address of the first `http` listener, `--tcp`, `--tcp-topic` and `--tcp-role` \
address, topic and role of the first `length-prefix` listener; where there is none, they add it.

Variables that begin with `CORECAST_` and are like no key are left alone: orchestrators set some, \
such as `CORECAST_SERVICE_HOST`.
A port alone, such as `CORECAST_HTTP_PORT=8080`, is a mistake: addresses have ports.

This page is written by `corecast config doc`.
";
