//! Identifies the board, and tells whether it suits a synth. Pure: the model is passed in.

/// The file in which the firmware's device tree names the model (the link in /proc is closed to the service).
pub const MODEL_FILE: &str = "/sys/firmware/devicetree/base/model";

/// Notices about boards, by the text after "Raspberry Pi "; other boards have none.
const SAID: [(&[&str], &str); 3] = [
    (
        &["3 ", "2 ", "Zero", "Model", "Compute Module 3"],
        "which Synthwire does not support: its USB controller loses sound of a synth that sends eight channels at once. Use a \
         Raspberry Pi 4.",
    ),
    (
        &["Compute Module 4"],
        "whose own USB port loses sound; the ports of a carrier board with a USB controller on PCIe do not.",
    ),
    (
        &["5 ", "500", "Compute Module 5"],
        "on which nobody has tried Synthwire yet. It should work; please report how it does.",
    ),
];

/// Returns the notice about this board; `None` if the product is made for it, or it is no Raspberry Pi at all.
pub fn notice(model: &str) -> Option<String> {
    let model = model.trim_matches(['\0', '\n', ' ']);
    let which = model.strip_prefix("Raspberry Pi ")?;
    let (_, said) = SAID.iter().find(|(boards, _)| boards.iter().any(|start| which.starts_with(start)))?;
    Some(format!("This is a {model}, {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_known_by_what_the_firmware_calls_them() {
        for (model, said) in [
            ("Raspberry Pi 4 Model B Rev 1.5\0", None),
            ("Raspberry Pi 400 Rev 1.0", None),
            ("Raspberry Pi 3 Model B Plus Rev 1.3\0", Some("does not support")),
            ("Raspberry Pi 2 Model B Rev 1.1", Some("does not support")),
            ("Raspberry Pi Zero 2 W Rev 1.0", Some("does not support")),
            ("Raspberry Pi Model B Plus Rev 1.2", Some("does not support")),
            ("Raspberry Pi Compute Module 3 Plus Rev 1.0", Some("does not support")),
            ("Raspberry Pi Compute Module 4 Rev 1.1", Some("PCIe")),
            ("Raspberry Pi 5 Model B Rev 1.0", Some("nobody has tried")),
            ("Raspberry Pi 500 Rev 1.0", Some("nobody has tried")),
            ("linux,dummy-virt", None),
            ("", None),
        ] {
            let notice = notice(model);
            assert_eq!(notice.is_some(), said.is_some(), "{model:?}: {notice:?}");
            let text = notice.unwrap_or_default();
            assert!(text.contains(said.unwrap_or_default()) && !text.contains('\0'), "{model:?}: {text}");
        }
    }
}
