//! Builds the page into the program: every file of `web/` except the type checker's settings, gzipped and hashed.

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;
use std::{env, fs};

fn main() {
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=web");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rustc-env=SYNTHWIRE_BUILD_S={}", build_s());

    let mut files = Vec::new();
    collect(&web, &web, &mut files);
    files.sort();
    let digest = digest(&files);

    let mut code =
        format!("/// Changes with any file of the page.\npub const DIGEST: &str = \"{digest}\";\n");
    code.push_str("/// Every file of the page.\npub static ASSETS: &[Asset] = &[\n");
    for (number, (path, content)) in files.iter().enumerate() {
        let content = if path.rsplit('.').next() == Some("html") {
            versioned(content, &files, &digest)
        } else {
            content.clone()
        };
        let gzip = gzip(&content);
        let gzip = if gzip.len() < content.len() { gzip } else { Vec::new() };
        fs::write(out.join(format!("{number}.plain")), &content).expect("OUT_DIR can be written");
        fs::write(out.join(format!("{number}.gz")), &gzip).expect("OUT_DIR can be written");
        writeln!(
            code,
            "Asset {{ path: {path:?}, mime: {:?}, etag: {:?}, gzip_etag: {:?}, plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \
             \"/{number}.plain\")), gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{number}.gz\")) }},",
            mime(path),
            format!("\"{:08x}-{:x}\"", crc(&content), content.len()),
            format!("\"{:08x}-{:x}-gzip\"", crc(&content), content.len()),
        )
        .expect("a string can be written to");
    }
    code.push_str("];\n");
    fs::write(out.join("assets.rs"), code).expect("OUT_DIR can be written");
}

/// Returns the build date of this version, in seconds since 1970, the same for every build. Certificates begin at this
/// date.
///
/// It is `SOURCE_DATE_EPOCH` if set, else the commit's date, else (in an unpacked archive) that of the manifest. A new
/// commit alone does not rerun this script: a build from scratch is exact, but an incremental one may be a commit old.
fn build_s() -> u64 {
    let text = |output: std::process::Output| {
        output.status.success().then(|| String::from_utf8(output.stdout).ok())?
    };
    let commit = || Command::new("git").args(["log", "-1", "--format=%ct"]).output().ok().and_then(text);
    if let Some(seconds) = env::var("SOURCE_DATE_EPOCH").ok().or_else(commit) {
        return seconds.trim().parse().expect("SOURCE_DATE_EPOCH and commit dates are seconds since 1970");
    }
    let changed = fs::metadata("Cargo.toml").and_then(|file| file.modified()).expect("the manifest is here");
    changed.duration_since(UNIX_EPOCH).expect("it is younger than 1970").as_secs()
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("web/ can be read") {
        let path = entry.expect("web/ can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|ending| ending != "json" && ending != "ts") {
            let name = path.strip_prefix(root).expect("it lies in web/").to_str().expect("names are UTF-8");
            files.push((format!("/{name}"), fs::read(&path).expect("web/ can be read")));
        }
    }
}

fn digest(files: &[(String, Vec<u8>)]) -> String {
    let mut crc = Crc::new();
    for (path, content) in files {
        crc.update(path.as_bytes());
        crc.update(content);
    }
    format!("{:08x}", crc.sum())
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

/// Replaces every quoted file name in a page by its versioned path. The path is relative, because a proxy may serve us
/// below a prefix.
fn versioned(page: &[u8], files: &[(String, Vec<u8>)], digest: &str) -> Vec<u8> {
    let mut page = String::from_utf8(page.to_vec()).expect("the page is UTF-8");
    for (path, _) in files {
        page = page.replace(&format!("\"{}\"", &path[1..]), &format!("\"v/{digest}{path}\""));
    }
    page.into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => panic!("{path} has a MIME type build.rs does not know"),
    }
}
