//! An address as a picture a phone's camera reads. Pure.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Clear modules around it (ISO/IEC 18004).
const QUIET_MODULES: i32 = 4;

/// An SVG of `text`, named by it for who cannot see it; `None` when it is too long for one.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET_MODULES, y + QUIET_MODULES); // a string takes everything
        }
    }
    let side = code.size() + 2 * QUIET_MODULES;
    Some(format!(
        r#"<svg viewBox="0 0 {side} {side}" role="img" aria-label="QR code of {text}" shape-rendering="crispEdges"><path d="{path}"/></svg>"#
    ))
}
