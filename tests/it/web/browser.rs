//! As a person would: in a real browser, against the real program, on a phone and on a desk.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chrono::{Timelike, Utc};
use serde_json::{Value, json};

use super::driver::{self, Browser};
use crate::process::http::Request;
use crate::process::program::{Server, run_ok};

const PRODUCT: &str = "h100-sxm-80gb";
/// What the bundled series call an H100 of unstated form.
const STORY: &str = "h100-unspecified-80gb";
const PASSWORD: &str = "correct horse battery staple";
/// Where pictures of the pages are written, if anywhere.
const PICTURES: &str = "GPUBOURSE_SCREENSHOTS";
const WIDTHS: [(u32, &str); 4] = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")];
/// What checks pages for those who do not see them, or not well; of Deque Systems, under the MPL 2.0.
const AXE: &str = include_str!("axe/axe.min.js");

struct Scene {
    browser: Browser,
    server: Server,
    admin: String,
    start: String,
    end: String,
    /// What axe found, told at the end, all of it.
    barriers: RefCell<Vec<String>>,
    _folder: tempfile::TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let barriers = self.barriers.take();
        assert!(barriers.is_empty() || std::thread::panicking(), "{barriers:#?}");
    }
}

/// Opens an exchange with two products, the real price series and an admin.
fn scene() -> Option<Scene> {
    let browser = driver::open()?;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("web.db").display());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    for (format, file) in
        [("gcp-series", "gcp/gcp_gpu_machine_prices_us-central1.csv"), ("press", "press/h100_press_quotes.csv")]
    {
        let file = data.join(file).display().to_string();
        run_ok(folder.path(), &["import", format, &file, "--database-url", &url], "");
    }
    let create = ["admin", "create", "--email", "admin@example.com", "--database-url", &url];
    run_ok(folder.path(), &create, &format!("{PASSWORD}\n"));
    let server = Server::start(&url);
    server.wait_until_ready();
    let login = Request::post("/v1/auth/login", json!({"email": "admin@example.com", "password": PASSWORD}));
    let tokens = server.connect().call(&login).unwrap().ok();
    let admin = tokens["access_token"].as_str().unwrap().to_owned();
    for symbol in [PRODUCT, STORY] {
        let product = json!({"symbol": symbol, "name": format!("NVIDIA {}", symbol.to_uppercase())});
        server.connect().call(&Request::post("/v1/admin/products", product).bearer(&admin)).unwrap().ok();
    }
    let hour = Utc::now().with_minute(0).unwrap() + chrono::Duration::hours(2);
    let start = hour.format("%Y-%m-%dT%H:00").to_string();
    let end = (hour + chrono::Duration::hours(48)).format("%Y-%m-%dT%H:00").to_string();
    Some(Scene { browser, server, admin, start, end, barriers: RefCell::default(), _folder: folder })
}

impl Scene {
    fn go(&self, path: &str) {
        self.browser.go(&format!("http://{}{path}", self.server.address));
    }

    fn register(&self, organization: &str, kind: &str) {
        self.browser.forget();
        self.go("/register");
        self.browser.fill("[name=organization]", organization);
        self.browser.set("[name=kind]", kind);
        self.browser.fill("[name=email]", &format!("{kind}@example.com"));
        self.browser.fill("[name=password]", PASSWORD);
        self.browser.press("main button");
        assert!(self.browser.words().contains(organization), "{}", self.browser.words());
    }

    fn log_in(&self, name: &str) {
        self.browser.forget();
        self.go("/login");
        self.browser.fill("[name=email]", &format!("{name}@example.com"));
        self.browser.fill("[name=password]", PASSWORD);
        self.browser.press("main button");
    }

    fn deposit(&self, organization: &str) {
        let listed = Request::get("/v1/admin/organizations").bearer(&self.admin);
        let rows = self.server.connect().call(&listed).unwrap().ok();
        let row = rows["data"].as_array().unwrap().iter().find(|row| row["name"] == organization).unwrap().clone();
        let payment = json!({"organization_id": row["id"], "amount": "50000", "reference": organization});
        let request = Request::post("/v1/admin/deposits", payment).bearer(&self.admin).idempotency_key("deposit");
        self.server.connect().call(&request).unwrap().ok();
    }

    /// A provider posts a site and capacity and offers all of it, in forms.
    fn offer(&self) {
        self.register("Boreal Compute", "provider");
        self.go("/provider/sites/new");
        self.browser.fill("[name=name]", "Lulea 1");
        self.browser.fill("[name=region]", "eu-north1");
        self.browser.fill("[name=country]", "SE");
        self.browser.press("main button");
        self.browser.set("[name=product]", PRODUCT);
        self.browser.fill("[name=gpus]", "64");
        self.browser.set("[name=start]", &self.start);
        self.browser.press("main button");
        self.browser.fill("[name=price]", "2.10");
        self.browser.fill("[name=lot]", "8");
        self.browser.press("[value=preview]");
        let words = self.browser.words();
        assert!(words.contains("This would trade nothing at once") && words.contains("64 GPUs would wait"), "{words}");
        self.browser.press("[value=place]");
        assert!(self.browser.words().contains("The ask was taken"), "{}", self.browser.words());
    }

    /// A renter finds capacity, previews a bid for it and places it.
    fn rent(&self) {
        self.register("Cassia Labs", "renter");
        self.deposit("Cassia Labs");
        self.go("/renter");
        self.browser.set("[name=product]", PRODUCT);
        self.browser.fill("[name=gpus]", "16");
        self.browser.set("[name=start]", &self.start);
        self.browser.set("[name=end]", &self.end);
        self.browser.press("#find button");
        // 16 GPUs for 48 hours at $2.10.
        assert!(self.browser.words().contains("16 GPUs for $1,612.80"), "{}", self.browser.words());
        self.browser.press("#find a.button");
        self.browser.press("[value=preview]");
        assert!(self.browser.words().contains("This would trade 16 GPUs at once"), "{}", self.browser.words());
        self.browser.press("[value=place]");
        assert!(self.browser.words().contains("bought from Boreal Compute"), "{}", self.browser.words());
    }

    /// The renter registers a key, the provider hands over, the renter accepts; returns where that is.
    fn deliver(&self) -> String {
        self.go("/renter");
        self.browser.press("#contracts tbody a");
        self.browser.press(".head a.button.second");
        self.browser.fill("[name=public_key]", "age1cassia");
        self.browser.press("[value=register]");
        let path = self.browser.run("return location.pathname", json!([]));
        let path = path.as_str().unwrap().to_owned();
        self.log_in("provider");
        self.go("/provider");
        assert!(self.browser.words().contains("GPUs to hand over"), "{}", self.browser.words());
        self.go(&path);
        self.browser.press("[value=ready]");
        self.browser.fill("[name=host]", "gpu-17.example.net");
        self.browser.fill("[name=user]", "cassia");
        self.browser.fill("[name=host_key]", "ssh-ed25519 AAAA");
        self.browser.fill("[name=sealed_secret]", "sealed");
        self.browser.press("[value=deliver]");
        self.inspect("delivery-provider", &path);
        self.log_in("renter");
        self.go(&path);
        let words = self.browser.words();
        assert!(words.contains("gpu-17.example.net:22") && words.contains("not accepted"), "{words}");
        self.browser.press("[value=accept]");
        let words = self.browser.words();
        assert!(words.contains("delivered") && !words.contains("not accepted"), "{words}");
        path
    }

    /// Looks at a page on a desk and on a phone, in light and dark.
    fn inspect(&self, name: &str, path: &str) {
        for (width, scheme) in WIDTHS {
            self.browser.look(width, scheme);
            self.go(path);
            self.check(&format!("{path} at {width}, {scheme}"), width);
            if let Some(folder) = std::env::var_os(PICTURES).map(PathBuf::from) {
                std::fs::create_dir_all(&folder).unwrap();
                self.browser.picture(&folder.join(format!("{name}-{width}-{scheme}.png")), width);
            }
        }
        self.browser.look(WIDTHS[0].0, WIDTHS[0].1);
    }

    fn check(&self, what: &str, width: u32) {
        let complaints = self.browser.complaints();
        assert!(complaints.is_empty(), "{what}: {complaints:#?}");
        let wide = self.browser.run("return document.documentElement.scrollWidth", json!([]));
        assert!(wide.as_u64().unwrap() <= width.into(), "{what} is {wide} wide");
        let nameless = self.browser.run(NAMELESS, json!([]));
        assert_eq!(nameless, json!([]), "{what}: fields and buttons without a name");
        let charts =
            self.browser.run("return document.querySelectorAll('[data-chart]:not(:has(canvas))').length", json!([]));
        assert_eq!(charts, json!(0), "{what}: charts that were not drawn");
        self.browser.run(AXE, json!([]));
        let barriers = self.browser.run_until_called(BARRIERS);
        let found = barriers.as_array().unwrap().iter();
        self.barriers.borrow_mut().extend(found.map(|barrier| format!("{what}: {}", barrier.as_str().unwrap())));
    }
}

/// Hands on what axe calls serious or critical.
const BARRIERS: &str = "
const done = arguments[arguments.length - 1];
const node = node => node.html.slice(0, 200) + ' ' + node.failureSummary;
const said = rule => rule.impact + ' ' + rule.id + ': ' + rule.nodes.slice(0, 3).map(node).join(' | ');
axe.run(document, { resultTypes: ['violations'] }).then(
  found => done(found.violations.filter(rule => ['serious', 'critical'].includes(rule.impact)).map(said)),
  error => done([String(error)]));
";

/// Finds what a screen reader could not name, headings that skip a level, and words too pale to read.
const NAMELESS: &str = "
const wrong = [];
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
  if (!field.labels.length && !field.getAttribute('aria-label')) wrong.push(field.outerHTML);
}
for (const target of document.querySelectorAll('a[href], button, summary')) {
  if (!target.innerText.trim() && !target.getAttribute('aria-label')) wrong.push(target.outerHTML);
}
for (const picture of document.querySelectorAll('svg, [role=img], img')) {
  if (!picture.getAttribute('aria-label') && !picture.getAttribute('alt') && !picture.closest('[aria-hidden]')) wrong.push(picture.outerHTML);
}
let level = 0;
for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) wrong.push('skips a level: ' + heading.outerHTML);
  level = next;
}
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
if (new Set(ids).size !== ids.length) wrong.push('an id twice: ' + ids);
const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (/^rgb\\(/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
for (const e of document.querySelectorAll('p, small, th, td, a, button, label, dt, dd, h1, h2, h3, span.tag, .quiet')) {
  if (!e.innerText || !e.innerText.trim() || e.closest('.hidden, .skip, .chart, .heat')) continue;
  const color = getComputedStyle(e).color;
  if (!/^rgb\\(/.test(color)) continue;
  const [a, b] = [light(color), light(behind(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) wrong.push('too pale: ' + e.outerHTML.slice(0, 120) + ' ' + color + ' on ' + behind(e));
}
return wrong.slice(0, 5);
";

#[test]
fn axe_finds_what_is_wrong() {
    let Some(scene) = scene() else { return };
    scene.go("/about");
    scene.browser.run(AXE, json!([]));
    assert_eq!(scene.browser.run_until_called(BARRIERS), json!([]));
    scene.browser.run("document.querySelector('main').insertAdjacentHTML('beforeend', '<input>')", json!([]));
    let found = scene.browser.run_until_called(BARRIERS).to_string();
    assert!(found.contains("critical label"), "{found}");
}

#[test]
fn a_person_posts_capacity_and_another_rents_it() {
    let Some(scene) = scene() else { return };
    scene.inspect("market-empty", "/");
    scene.offer();
    scene.rent();
    let delivery = scene.deliver();
    scene.inspect("delivery-renter", &delivery);
    assert_eq!(scene.browser.complaints(), Vec::<String>::new());
    scene.browser.forget();
    scene.go(&format!("/markets/{PRODUCT}"));
    let tape = scene.browser.run("return document.querySelector('#tape tbody').innerText", Value::Array(Vec::new()));
    assert!(tape.as_str().unwrap().contains("$2.10"), "{tape}");
    for (name, path) in [
        ("market", "/"),
        ("product", "/markets/h100-sxm-80gb"),
        ("product-story", "/markets/h100-unspecified-80gb"),
        ("fall", "/fall"),
        ("about", "/about"),
        ("login", "/login"),
        ("register", "/register"),
    ] {
        scene.inspect(name, path);
    }
    for (who, pages) in [
        (
            "provider",
            &[("provider", "/provider"), ("listing-form", "/provider/listings/new"), ("ask-form", "/asks/new")][..],
        ),
        (
            "renter",
            &[
                ("renter", "/renter?product=h100-sxm-80gb&gpus=100"),
                ("bid-form", "/bids/new"),
                ("reseller", "/reseller"),
            ],
        ),
        ("admin", &[("admin", "/admin"), ("surveillance", "/admin/surveillance"), ("journal", "/admin/journal")]),
    ] {
        scene.log_in(who);
        for (name, path) in pages {
            scene.inspect(name, path);
        }
    }
    scene.go("/admin");
    scene.browser.press("#contracts tbody a");
    let words = scene.browser.words();
    assert!(words.contains("Chain of title") && words.contains("Boreal Compute → Cassia Labs"), "{words}");
    let path = scene.browser.run("return location.pathname", json!([]));
    scene.inspect("contract", path.as_str().unwrap());
}

/// What stands in the newest row of the tape and in the tiles that change by themselves.
const LIVE: &str = "
const text = selector => [...document.querySelectorAll(selector)].map(e => e.innerText);
return [text('#tape tbody tr:first-child > *'), text('[data-live]')];
";

/// What stands in the product's row of the market and changes by itself: bid, ask, spread, last.
const LIVE_ROW: &str = "
const row = document.querySelector('tr[data-symbol=\"h100-sxm-80gb\"]');
return ['best_bid', 'best_ask', 'spread', 'last'].map(name => row.querySelector('[data-live=' + name + ']').innerText);
";

/// Offers what there is, and returns what bids for 8 of it at a price from somewhere else.
fn bidder(scene: &Scene) -> impl Fn(&str) {
    scene.offer();
    scene.register("Cassia Labs", "renter");
    scene.deposit("Cassia Labs");
    let login = Request::post("/v1/auth/login", json!({"email": "renter@example.com", "password": PASSWORD}));
    let token = scene.server.connect().call(&login).unwrap().ok()["access_token"].as_str().unwrap().to_owned();
    move |price| {
        let (start, end) = (format!("{}:00Z", scene.start), format!("{}:00Z", scene.end));
        let body = json!({"side": "bid", "product": PRODUCT, "gpus": 8, "start": start, "end": end, "price": price});
        scene.server.connect().call(&Request::post("/v1/orders", body).bearer(&token)).unwrap().ok();
    }
}

#[test]
fn the_market_changes_while_somebody_looks() {
    let Some(scene) = scene() else { return };
    let bid = bidder(&scene);
    scene.browser.forget();
    scene.browser.look(WIDTHS[0].0, WIDTHS[0].1);
    scene.go("/");
    let state = || scene.browser.run("return document.querySelector('h1 [role=status]').innerText", json!([]));
    scene.browser.wait_for("the stream", || state() == "live");
    let row = || scene.browser.run(LIVE_ROW, json!([]));
    assert_eq!(row(), json!(["–", "$2.10", "–", "–"]));
    bid("1.3");
    scene.browser.wait_for("the bid", || row() == json!(["$1.30", "$2.10", "$0.80", "–"]));
    bid("2.2");
    scene.browser.wait_for("the trade", || row() == json!(["$1.30", "$2.10", "$0.80", "$2.10"]));
    scene.check("the market while it lives", WIDTHS[0].0);
    let seen = row();
    scene.go("/");
    assert_eq!(row(), seen, "what the script writes is not what the page writes");
}

#[test]
fn a_trade_appears_on_an_open_page() {
    let Some(scene) = scene() else { return };
    let bid = bidder(&scene);
    let count = |selector: &str| {
        let script = format!("return document.querySelectorAll('{selector}').length");
        scene.browser.run(&script, json!([])).as_u64().unwrap()
    };
    let state = || scene.browser.run("return document.querySelector('#tape [role=status]').innerText", json!([]));
    scene.browser.forget();
    scene.browser.look(WIDTHS[0].0, WIDTHS[0].1);
    scene.go(&format!("/markets/{PRODUCT}"));
    scene.browser.run("window.opened = 'once'", json!([]));
    assert_eq!(count("#tape .empty"), 1);
    // The first trade takes the place of the words that there is none; the second comes above it, then a bid rests.
    for trades in 1..=2 {
        bid("2.5");
        scene.browser.wait_for("the trade", || count("#tape tbody tr") == trades);
    }
    bid("1.2");
    let live = || scene.browser.run(LIVE, json!([]));
    scene.browser.wait_for("the bid", || live()[1].to_string().contains("$1.20"));
    assert_eq!((count("#tape .empty"), state()), (0, json!("live")));
    let seen = live();
    assert!(seen[1].to_string().contains("$2.10"), "{seen}");
    assert_eq!(scene.browser.run("return window.opened", json!([])), "once", "the page was loaded again");
    scene.check("the product's page while it lives", WIDTHS[0].0);
    scene.go(&format!("/markets/{PRODUCT}"));
    scene.browser.wait_for("the stream", || state() == "live");
    assert_eq!(live(), seen, "what the script writes is not what the page writes");
    assert_eq!(count("#tape tbody tr"), 2, "the snapshot is no news");
}
