//! Chromium without a screen, driven by its DevTools protocol.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::Program;
use crate::support::wait::{in_a_while, now, wait_until};
use crate::support::ws::Ws;

/// A browser with a profile of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    program: Option<Program>,
    devtools: SocketAddr,
    session: Session,
    profile: PathBuf,
}

/// One tab.
#[derive(Debug)]
pub(crate) struct Page {
    session: Session,
    target: String,
}

/// A connection to the DevTools.
#[derive(Debug)]
struct Session {
    ws: Ws,
    calls: u64,
    /// What went wrong in the page, as far as it was read.
    problems: Vec<Value>,
}

impl Browser {
    /// Starts it. `None` where there is no Chromium, and the test is to be skipped; a failure if
    /// the environment says that it must be there.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(flags: &[&str]) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let Some(chromium) = find() else {
            let required = env::var_os("CORECAST_REQUIRE_TOOLS").is_some_and(|it| it == "1");
            assert!(!required, "no Chromium: apt-get install chromium");
            #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: it needs Chromium, Debian's package `chromium`");
            }
            return None;
        };
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("corecast-browser-{}-{number}", std::process::id());
        let profile = env::temp_dir().join(name);
        let mut command = Command::new(chromium);
        command.args(FLAGS).args(flags);
        command.arg("--remote-debugging-port=0");
        command.arg(format!("--user-data-dir={}", profile.display()));
        let mut program = Program::spawn(command);
        let url = program.wait_for("DevTools listening on ws://");
        let (devtools, path) = url.split_once('/').unwrap();
        let devtools = devtools.parse().unwrap();
        let session = Session::connect(devtools, &format!("/{path}"));
        let program = Some(program);
        Some(Self {
            program,
            devtools,
            session,
            profile,
        })
    }

    /// Opens a tab.
    pub(crate) fn open(&mut self, url: &str) -> Page {
        let params = json!({ "url": "about:blank" });
        let made = self.session.call("Target.createTarget", params);
        let target = made["targetId"].as_str().unwrap().to_owned();
        let path = format!("/devtools/page/{target}");
        let mut session = Session::connect(self.devtools, &path);
        session.call("Runtime.enable", json!({}));
        session.call("Log.enable", json!({}));
        session.call("Page.navigate", json!({ "url": url }));
        let mut page = Page { session, target };
        page.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'");
        page
    }

    /// Closes a tab as its user does. Nothing may have gone wrong in it.
    pub(crate) fn close(&mut self, page: Page) {
        let Page { session, target } = page;
        assert!(session.problems.is_empty(), "{:#?}", session.problems);
        let params = json!({ "targetId": target });
        self.session.call("Target.closeTarget", params);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.program.take());
        // Its children may still write: while they end, what was removed comes back.
        let deadline = in_a_while();
        while fs::remove_dir_all(&self.profile).is_err() && self.profile.exists() {
            if deadline < now() {
                return;
            }
            thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Page {
    /// Brings the tab to the front: a hidden tab does less work.
    pub(crate) fn show(&mut self) {
        self.session.call("Page.bringToFront", json!({}));
    }

    /// Gives the page a window of this size.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.session
            .call("Emulation.setDeviceMetricsOverride", size);
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let value = self.try_eval(expression);
        value.unwrap_or_else(|| panic!("{expression}: the page went elsewhere"))
    }

    /// The value of an expression; none if the page goes elsewhere before there is one.
    fn try_eval(&mut self, expression: &str) -> Option<Value> {
        let params = json!({ "expression": expression, "returnByValue": true });
        let done = match self.session.try_call("Runtime.evaluate", params) {
            Ok(done) => done,
            Err(error) => {
                let message = error["message"].as_str().unwrap_or_default();
                let is_left = LEFT.iter().any(|left| message.contains(left));
                assert!(is_left, "{expression}: {error:#}");
                return None;
            }
        };
        assert!(done["exceptionDetails"].is_null(), "{expression}: {done:#}");
        Some(done["result"]["value"].clone())
    }

    /// Waits until an expression is true, also on the page that this one leads to.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        wait_until(expression, || {
            self.try_eval(expression).is_some_and(|value| value == true)
        });
    }

    /// Waits until the page shows a text.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        let text = json!(text);
        // A page that has just begun has no body.
        self.wait_for(&format!("!!document.body?.innerText.includes({text})"));
    }

    /// Writes into a field and submits its form.
    pub(crate) fn submit(&mut self, field: &str, text: &str) {
        let (field, text) = (json!(field), json!(text));
        self.eval(&format!(
            "{{ const field = document.querySelector({field}); field.value = {text}; \
             field.form.requestSubmit(); }}"
        ));
    }
}

impl Session {
    fn connect(devtools: SocketAddr, path: &str) -> Self {
        Self {
            ws: Ws::connect(devtools, path),
            calls: 0,
            problems: Vec::new(),
        }
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        let done = self.try_call(method, params);
        done.unwrap_or_else(|error| panic!("{method}: {error:#}"))
    }

    fn try_call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": params });
        self.ws.send_text(&call.to_string());
        loop {
            let mut message: Value = serde_json::from_str(&self.ws.next_text()).unwrap();
            if message["id"] == self.calls {
                let error = message["error"].take();
                return match error {
                    Value::Null => Ok(message["result"].take()),
                    error => Err(error),
                };
            }
            let is_problem = message["method"] == "Runtime.exceptionThrown"
                || message["params"]["entry"]["level"] == "error";
            if is_problem {
                self.problems.push(message);
            }
        }
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file())
}

/// What DevTools says of an expression whose page has gone.
const LEFT: [&str; 2] = [
    "Inspected target navigated",
    "Execution context was destroyed",
];

/// No window, no sandbox (a container has none to give), and nothing that calls home.
const FLAGS: [&str; 7] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
