//! What stands around every page: title, navigation, who is there, and the page that says what went wrong.

use askama::Template;

use super::assets;
use super::format;
use super::visit::Visit;
use crate::api::problem::{Problem, ProblemDocument};
use crate::app::Role;
use crate::types::{OrganizationKind, Timestamp};

/// Fields of the query string by which lists are read on.
const PAGED: [&str; 4] = ["contracts", "organizations", "trades", "before"];

/// The frame of a page.
#[derive(Debug, Clone)]
pub struct Shell {
    /// What the page is called.
    pub title: String,
    /// Which entry of the navigation is the page's.
    pub here: &'static str,
    /// The entries: where, what.
    pub links: Vec<(&'static str, &'static str)>,
    /// Who is logged in: name and kind.
    pub who: Option<(String, &'static str)>,
    /// The token of forms.
    pub token: String,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects.
    pub as_of: i64,
    /// Whether a list of the page is read on from somewhere.
    pub paged: bool,
    /// Whether everything here was made up.
    pub simulated: bool,
    /// Where the style is.
    pub style: String,
    /// Where the script that draws charts is, and the library under it.
    pub scripts: [String; 2],
    /// Where the script is that keeps a page as things are.
    pub live: String,
}

/// What went wrong, in words for people.
#[derive(Debug, Clone)]
pub struct Said {
    /// A short name.
    pub title: &'static str,
    /// What it means.
    pub detail: String,
    /// The field it is about, if one.
    pub field: String,
    /// The status to answer with.
    pub status: u16,
}

/// The page that says what went wrong.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub shell: Shell,
    /// What went wrong.
    pub document: ProblemDocument,
}

impl Shell {
    /// Returns the frame of a page for a visit.
    pub fn of(visit: &Visit, title: impl Into<String>, here: &'static str) -> Self {
        let (now, as_of) = visit.app().live().read(|view| (view.now, view.as_of));
        let role = visit.principal().map(|principal| principal.role);
        Self {
            title: title.into(),
            here,
            links: links(role),
            who: visit.principal().map(|principal| (visit.app().name_of(principal), principal.role.as_str())),
            token: visit.token(),
            now,
            as_of,
            paged: PAGED.iter().any(|name| visit.query().is_set(name)),
            simulated: visit.app().is_simulated(),
            style: assets::path("style.css"),
            live: assets::path("live.js"),
            scripts: [assets::path("lightweight-charts.js"), assets::path("charts.js")],
        }
    }
}

impl Said {
    /// Returns a problem in words for people.
    pub fn of(problem: &Problem) -> Self {
        let document = problem.document("");
        let field = document.errors.first().map(|error| error.field.clone()).unwrap_or_default();
        Self { title: document.title, detail: document.detail, field, status: document.status }
    }
}

fn links(role: Option<Role>) -> Vec<(&'static str, &'static str)> {
    let mut links = vec![("/", "Market"), ("/fall", "The fall")];
    match role {
        Some(Role::Member(kind)) => {
            if kind == OrganizationKind::Provider {
                links.push(("/provider", "Provide"));
            }
            links.push(("/renter", "Rent"));
            links.push(("/reseller", "Resell"));
        }
        Some(Role::Admin | Role::Auditor) => links.extend([
            ("/admin", "Oversight"),
            ("/admin/surveillance", "Surveillance"),
            ("/admin/journal", "Journal"),
        ]),
        None => {}
    }
    links
}

/// Writes a text so that it can stand in a query string.
pub fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}
