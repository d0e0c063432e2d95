//! The files of `static/`, in the binary. Their addresses name their content, so that browsers keep them.

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web};

use super::error::WebError;
use crate::domain::ContentHash;

/// For a year, and never asked for again: another content has another address.
pub const FOREVER: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// The first 16 hexadecimal digits of its SHA-256.
    hash: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset("chronograde.css", "text/css; charset=utf-8", include_bytes!("../../static/chronograde.css")),
        asset("upload.js", "text/javascript; charset=utf-8", include_bytes!("../../static/upload.js")),
        asset("threshold.js", "text/javascript; charset=utf-8", include_bytes!("../../static/threshold.js")),
        asset("image.js", "text/javascript; charset=utf-8", include_bytes!("../../static/image.js")),
        asset("pick.js", "text/javascript; charset=utf-8", include_bytes!("../../static/pick.js")),
        asset("busy.js", "text/javascript; charset=utf-8", include_bytes!("../../static/busy.js")),
        asset("live.js", "text/javascript; charset=utf-8", include_bytes!("../../static/live.js")),
        asset("score.js", "text/javascript; charset=utf-8", include_bytes!("../../static/score.js")),
        asset("doubtful.js", "text/javascript; charset=utf-8", include_bytes!("../../static/doubtful.js")),
        asset("mark.svg", "image/svg+xml", include_bytes!("../../static/mark.svg")),
    ]
});

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let mut hash = ContentHash::of(bytes).to_string();
    hash.truncate(16);
    Asset { name, content_type, bytes, hash }
}

/// The path of a file of `static/`, below the base path.
pub fn path(name: &str) -> String {
    let hash = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.hash);
    format!("/static/{hash}/{name}")
}

/// `GET /static/{hash}/{name}`.
///
/// # Errors
/// When there is no such file.
pub async fn show(path: web::Path<(String, String)>) -> Result<HttpResponse, WebError> {
    let (hash, name) = path.into_inner();
    let asset =
        ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash).ok_or(WebError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, FOREVER))
        .body(asset.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_brace_of_the_stylesheet_has_its_partner() {
        let css = ASSETS.iter().find(|asset| asset.name == "chronograde.css").unwrap();
        let mut open = 0_i32;
        for (number, line) in std::str::from_utf8(css.bytes).unwrap().lines().enumerate() {
            for byte in line.bytes() {
                open += i32::from(byte == b'{') - i32::from(byte == b'}');
            }
            // A rule within a rule within a query is as deep as it goes; a browser drops the rule behind a brace too many.
            assert!((0..=2).contains(&open), "line {}: {line}", number + 1);
        }
        assert_eq!(open, 0);
    }
}
