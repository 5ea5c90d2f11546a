//! The boot loader of a Raspberry Pi 4 and later, which is stored on the board and not on the card: is it recent enough for
//! updates?
//!
//! The device tree tells its build date and how this start happened. A board without these files (an older Raspberry Pi,
//! any other computer) gets no notice. The judgement is pure; tests pass another folder.

use std::path::Path;

/// The folder with its values (/proc/device-tree, a link to it, is closed to the service).
const FOLDER: &str = "/sys/firmware/devicetree/base/chosen/bootloader";

/// 2022-12-01: the first general release that knows `tryboot_a_b`, which trials of a new version need (release notes of
/// rpi-eeprom, 2711).
const KNOWS_TRIALS_S: u32 = 1_669_852_800;
/// 2025-08-01 to 2025-10-07: these versions take a remark in Debian's kernel for the number of a partition
/// (raspberrypi/firmware#2000).
const MISREADS_S: std::ops::RangeInclusive<u32> = 1_754_006_400..=1_759_881_599;

/// Advice on how to get a newer boot loader, the same on every board.
const RENEW: &str = "Update it: in Raspberry Pi Imager choose \"Misc utility images\", \"Bootloader\", \"SD Card Boot\", write a \
                     spare card with it and start this Raspberry Pi from that card once";

/// The boot loader's values; `None` for those it does not give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootLoader {
    /// The time when the boot loader was built, in seconds since 1970.
    pub built_s: Option<u32>,
    /// The partition from which the boot loader started this system.
    pub partition: Option<u32>,
    /// 1 if this start is a trial (`tryboot`).
    pub tryboot: Option<u32>,
    /// The reset register as the boot loader found it.
    pub rsts: Option<u32>,
}

/// Reads the boot loader of this board.
pub fn here() -> BootLoader {
    BootLoader::read(Path::new(FOLDER))
}

impl BootLoader {
    /// Reads `folder`, which has a file for each value: four bytes, big-endian as in all device trees.
    pub fn read(folder: &Path) -> Self {
        let value = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        Self {
            built_s: value("build-timestamp"),
            partition: value("partition"),
            tryboot: value("tryboot"),
            rsts: value("rsts"),
        }
    }

    /// Returns as a sentence why no update can be tried on this board; `None` if one can, or nothing is known.
    pub fn unfit(&self) -> Option<String> {
        self.built_s.filter(|built_s| *built_s < KNOWS_TRIALS_S).map(|_| {
            format!(
                "This Raspberry Pi's boot loader is older than December 2022 and cannot try a new version: the update would fall \
                 back. {RENEW}, then update."
            )
        })
    }

    /// Returns a notice about the boot loader for the user.
    pub fn notice(&self) -> Option<String> {
        let misreads = self.built_s.is_some_and(|built_s| MISREADS_S.contains(&built_s));
        let said = || {
            format!(
                "This Raspberry Pi's boot loader is of a series (August to October 2025) that may not start again after two restarts. \
                 {RENEW}."
            )
        };
        self.unfit().or_else(|| misreads.then(said))
    }

    /// Returns the boot loader's values for a report, one per line; '' for a board without any.
    pub fn shown(&self) -> String {
        let values = [
            ("build-timestamp", self.built_s.map(|value| value.to_string())),
            ("partition", self.partition.map(|value| value.to_string())),
            ("tryboot", self.tryboot.map(|value| value.to_string())),
            ("rsts", self.rsts.map(|value| format!("{value:#x}"))),
        ];
        values.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;
    use std::fs;

    #[test]
    fn the_age_of_a_boot_loader_decides_what_is_said() {
        for (built_s, cannot, warns) in [
            (None, false, false),
            (Some(0), true, true),
            (Some(1_599_135_103), true, true), // 2020-09-03
            (Some(1_669_852_799), true, true), // the last second of November 2022
            (Some(1_669_852_800), false, false),
            (Some(1_705_000_000), false, false), // 2024-01
            (Some(1_754_006_399), false, false),
            (Some(1_754_006_400), false, true),
            (Some(1_759_881_599), false, true), // the end of 2025-10-07
            (Some(1_759_881_600), false, false),
            (Some(u32::MAX), false, false),
        ] {
            let loader = BootLoader { built_s, ..BootLoader::default() };
            assert_eq!((loader.unfit().is_some(), loader.notice().is_some()), (cannot, warns), "{built_s:?}");
        }
        let words = BootLoader { built_s: Some(0), ..BootLoader::default() }.unfit().unwrap();
        assert!(words.contains("Raspberry Pi Imager") && words.ends_with("then update."), "{words}");
    }

    #[test]
    fn values_are_read_as_device_trees_have_them_and_nonsense_is_none() {
        let folder = TestFolder::new("boot-loader");
        assert_eq!(BootLoader::read(&folder), BootLoader::default());
        assert_eq!(BootLoader::read(&folder).shown(), "");
        for (name, bytes) in [
            ("build-timestamp", [0x65, 0x9f, 0x2a, 0x00].as_slice()),
            ("partition", &[0, 0, 0, 3]),
            ("tryboot", &[0, 0, 0, 1, 9]),
            ("rsts", &[0, 0, 0x10, 0x20]),
        ] {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let loader = BootLoader::read(&folder);
        let expected =
            BootLoader { built_s: Some(0x659f_2a00), partition: Some(3), tryboot: None, rsts: Some(0x1020) };
        assert_eq!(loader, expected);
        assert_eq!(loader.shown(), "build-timestamp: 1704929792\npartition: 3\nrsts: 0x1020\n");
    }
}
