//! Files that do not change while the program runs: style, scripts, licences. Their names carry a hash of what is in
//! them, so that browsers may keep them for good.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

use crate::api::extract::RequestId;
use crate::api::problem::Problem;
use crate::types::hex;

/// A file: its name, its name with the hash, its media type and its bytes.
struct Asset {
    name: &'static str,
    hashed: String,
    media: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal: $media:literal,)+) => {
        [$(Asset {
            name: $name,
            hashed: hashed($name, include_bytes!(concat!("static/", $name))),
            media: $media,
            bytes: include_bytes!(concat!("static/", $name)),
        },)+]
    };
}

static ASSETS: LazyLock<[Asset; 7]> = LazyLock::new(|| {
    assets! {
        "style.css": "text/css; charset=utf-8",
        "charts.js": "text/javascript; charset=utf-8",
        "live.js": "text/javascript; charset=utf-8",
        "lightweight-charts.js": "text/javascript; charset=utf-8",
        "lightweight-charts.LICENSE": "text/plain; charset=utf-8",
        "lightweight-charts.NOTICE": "text/plain; charset=utf-8",
        "icon.svg": "image/svg+xml",
    }
});

/// Returns the path of a file; a name that is none leads to nothing.
pub fn path(name: &str) -> String {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    format!("/static/{}", found.map_or(name, |asset| asset.hashed.as_str()))
}

/// Serves a file: under its hashed name for good, under its own for an hour.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    let name = request.match_info().get("name").unwrap_or_default();
    let Some(asset) = ASSETS.iter().find(|asset| asset.hashed == name || asset.name == name) else {
        return Problem::of("not_found").respond(&RequestId::of(&request).0);
    };
    let cache = if asset.hashed == name { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.media))
        .insert_header((CACHE_CONTROL, cache))
        .body(asset.bytes)
}

fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash: String = hex(&Sha256::digest(bytes)).chars().take(12).collect();
    match name.split_once('.') {
        Some((stem, end)) => format!("{stem}.{hash}.{end}"),
        None => format!("{name}.{hash}"),
    }
}
