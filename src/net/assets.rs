//! The page's files, built into the program: gzipped and hashed at build time (`build.rs`).
//!
//! `/` and plain paths are revalidated by `ETag`. The page itself refers to its files under `v/{digest}/`. This path
//! changes with any of them, so they may be cached forever, and files of two versions never mix in one page.

/// One file of `web/`.
pub struct Asset {
    /// The path of the file, beginning with `/`.
    pub path: &'static str,
    /// The MIME type of the file.
    pub mime: &'static str,
    /// The `ETag` in quotes, computed from the file's content.
    pub etag: &'static str,
    /// The `ETag` of the gzipped form: a strong tag identifies the bytes of one form.
    pub gzip_etag: &'static str,
    /// The bytes of the file, uncompressed.
    pub plain: &'static [u8],
    /// The bytes of the file, gzipped; empty if the gzipped form is no smaller.
    pub gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Returns the file at `path`, and whether this path may be cached forever.
pub fn find(path: &str) -> Option<(&'static Asset, bool)> {
    let versioned = path.strip_prefix("/v/").and_then(|rest| rest.strip_prefix(DIGEST));
    let name = match versioned.unwrap_or(path) {
        "/" => "/index.html",
        name => name,
    };
    let asset = ASSETS.iter().find(|asset| asset.path == name)?;
    Some((asset, versioned.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_refers_to_files_that_exist_under_their_version() {
        let (page, for_ever) = find("/").unwrap();
        assert!(!for_ever);
        let text = std::str::from_utf8(page.plain).unwrap();
        for name in ["main.js", "style.css"] {
            let versioned = format!("v/{DIGEST}/{name}");
            assert!(text.contains(&format!("\"{versioned}\"")), "{name} is referred to by its version");
            assert!(find(&format!("/{versioned}")).is_some_and(|(_, for_ever)| for_ever));
        }
        assert!(find("/v/00000000/main.js").is_none());
        assert!(find("/../Cargo.toml").is_none());
    }
}
