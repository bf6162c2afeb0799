//! A real browser: headless Chromium behind chromedriver, spoken to in the WebDriver protocol.
//!
//! The crates that speak it bring in MPL code or a second HTTP stack; what the tests need of it is small.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::program::until;
use crate::settings::in_ci;

const DRIVER: &str = "chromedriver";
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Chromium refuses its sandbox to root, and must ask nobody anything.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Chromedriver with one browser; both end when it is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

/// Returns a browser; nothing where there is none, unless this is CI, where there must be one.
pub fn open() -> Option<Browser> {
    let (driver, browser) = (on_path(DRIVER), BROWSERS.iter().find_map(|name| on_path(name)));
    let Some((driver, browser)) = driver.zip(browser) else {
        assert!(!in_ci(), "CI needs chromium and chromedriver for the browser tests");
        println!("SKIPPED: no chromium and chromedriver on the path; the pages were not tried in a browser");
        return None;
    };
    Some(Browser::start(&driver, &browser))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file())
}

impl Browser {
    fn start(driver: &Path, browser: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut this = Self { driver: command.spawn().unwrap(), port, session: String::new(), _profile: profile };
        until("chromedriver", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|text| (*text).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", this._profile.path().display()));
        let options = json!({"binary": browser, "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let begun = this.call("POST", "/session", Some(wanted));
        this.session = begun["sessionId"].as_str().unwrap().to_owned();
        this
    }

    /// Goes to an address and waits until it is loaded.
    pub fn go(&self, url: &str) {
        self.command("/url", json!({"url": url}));
    }

    /// Makes the window so wide, in light or dark.
    pub fn look(&self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media);
    }

    /// Forgets who was logged in.
    pub fn forget(&self) {
        self.devtools("Network.clearBrowserCookies", json!({}));
    }

    /// Types into the first field that a selector finds, in place of what stood there.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("/element/{element}/clear"), json!({}));
        self.command(&format!("/element/{element}/value"), json!({"text": text}));
    }

    /// Sets the value of a field that is not typed into: a time, a choice.
    pub fn set(&self, selector: &str, value: &str) {
        let script =
            "const field = document.querySelector(arguments[0]); field.value = arguments[1]; return field.value";
        assert_eq!(self.run(script, json!([selector, value])), json!(value), "{selector}");
    }

    /// Presses the first button or link that a selector finds, and waits for the page it leads to.
    pub fn press(&self, selector: &str) {
        self.run("window.before = true", json!([]));
        let element = self.element(selector);
        self.command(&format!("/element/{element}/click"), json!({}));
        let loaded = "return !window.before && document.readyState === 'complete'";
        self.wait_for("the next page", || self.run(loaded, json!([])) == json!(true));
    }

    /// Runs a script in the page and returns its value.
    pub fn run(&self, script: &str, arguments: Value) -> Value {
        self.command("/execute/sync", json!({"script": script, "args": arguments}))
    }

    /// Runs a script in the page and returns what it hands to the last of its arguments.
    pub fn run_until_called(&self, script: &str) -> Value {
        self.command("/execute/async", json!({"script": script, "args": []}))
    }

    /// The words of the page.
    pub fn words(&self) -> String {
        let text = self.run("return document.body.innerText", json!([]));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What the browser complained of since it was last asked: errors of scripts, what the policy refused, missing files.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.command("/se/log", json!({"type": "browser"}));
        let worth = |entry: &&Value| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap_or("SEVERE"));
        entries.as_array().unwrap().iter().filter(worth).map(|entry| entry["message"].to_string()).collect()
    }

    /// Writes a picture of the whole page.
    pub fn picture(&self, path: &Path, width: u32) {
        let height = self.run("return document.documentElement.scrollHeight", json!([])).as_u64().unwrap().min(4_000);
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let shot = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip}));
        std::fs::write(path, base64(shot["data"].as_str().unwrap())).unwrap();
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("/element", json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("{selector}: {found}")).to_owned()
    }

    fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.command("/goog/cdp/execute", json!({"cmd": name, "params": parameters}))
    }

    fn command(&self, path: &str, body: Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), Some(body))
    }

    pub fn wait_for(&self, what: &str, mut done: impl FnMut() -> bool) {
        let begun = Instant::now();
        until(what, || {
            assert!(begun.elapsed() < WAIT_MAX, "waited too long for {what} on:\n{}", self.words());
            done()
        });
    }

    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
        let answer = received(&mut stream);
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {}", answer["value"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), None);
        }
        // Chromedriver ends the browser it started when it is told to end.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}

/// Reads an answer with a length.
fn received(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let count = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.unwrap_or_else(|| panic!("no length: {head}")).trim().parse().unwrap();
            if bytes.len() >= at + 4 + length {
                return serde_json::from_slice(&bytes[at + 4..at + 4 + length]).unwrap();
            }
        }
        assert!(count > 0, "half an answer: {}", String::from_utf8_lossy(&bytes));
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[test]
fn base64_is_read() {
    assert_eq!(base64("TWFu"), b"Man");
    assert_eq!(base64("TWE="), b"Ma");
    assert_eq!(base64("TQ=="), b"M");
    assert_eq!(base64("+/8="), [0xfb, 0xff]);
}
