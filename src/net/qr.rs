//! A QR code of an address. Pure.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Modules of quiet zone around a code (ISO/IEC 18004).
const QUIET_MODULES: i32 = 4;

/// Returns `text` as an SVG, with the text as its accessible name; `None` if it is too long for a QR code.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET_MODULES, y + QUIET_MODULES); // writing to a string cannot fail
        }
    }
    let side = code.size() + 2 * QUIET_MODULES;
    Some(format!(
        r#"<svg viewBox="0 0 {side} {side}" role="img" aria-label="QR code of {text}" shape-rendering="crispEdges"><path d="{path}"/></svg>"#
    ))
}
