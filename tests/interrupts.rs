//! The card's interrupt script: which interrupts it takes for a USB host's, and which settings it gives the
//! kernel.

#![allow(clippy::unwrap_used, reason = "these are tests: a None or Err is a failure with a place")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/image/overlay/usr/lib/synthwire/interrupts");

/// A fake /proc, and a `chrt` that records its arguments.
struct Proc(PathBuf);

impl Proc {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("synthwire-interrupts-{name}-{}", std::process::id()));
        fs::create_dir_all(top.join("irq")).unwrap();
        fs::write(top.join("irq/default_smp_affinity"), "7").unwrap();
        let chrt = top.join("chrt");
        fs::write(&chrt, "#!/bin/sh\necho \"$@\" >>\"$ASKED\"\n").unwrap();
        fs::set_permissions(&chrt, fs::Permissions::from_mode(0o755)).unwrap();
        Self(top)
    }

    /// Adds an interrupt with its users, and its threads by number.
    fn add(&self, irq: u32, users: &[&str], threads: &[u32]) {
        let folder = self.0.join("irq").join(irq.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("smp_affinity_list"), "0-2").unwrap();
        fs::write(folder.join("effective_affinity_list"), "0").unwrap();
        for user in users {
            fs::create_dir_all(folder.join(user)).unwrap();
        }
        for thread in threads {
            let name = format!("irq/{irq}-{}", users[0]);
            let folder = self.0.join(thread.to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("comm"), format!("{}\n", &name[..name.len().min(15)])).unwrap();
        }
    }

    /// The script's output, and the arguments that `chrt` got.
    fn run(&self) -> (String, Vec<String>) {
        let asked = self.0.join("asked");
        let path = format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .arg(SCRIPT)
            .arg(&self.0)
            .env("PATH", path)
            .env("ASKED", &asked)
            .output()
            .unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let asked = fs::read_to_string(asked).unwrap_or_default();
        (String::from_utf8(output.stdout).unwrap(), asked.lines().map(str::to_owned).collect())
    }

    fn cpu_of(&self, irq: u32) -> String {
        fs::read_to_string(self.0.join(format!("irq/{irq}/smp_affinity_list"))).unwrap().trim().to_owned()
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_pi_4_has_its_usb_raised_and_everything_else_moved_away() {
    let proc = Proc::new("pi4");
    proc.add(9, &[], &[]);
    proc.add(31, &["eth0"], &[101]);
    proc.add(32, &["eth0"], &[102]);
    proc.add(38, &["mmc0"], &[103]);
    proc.add(4, &["xhci_hcd"], &[104]);
    proc.add(40, &["fe980000.usb", "dwc2_hsotg:usb3"], &[105, 106]);
    let (said, asked) = proc.run();
    assert_eq!(asked, ["--fifo --pid 80 104", "--fifo --pid 80 105", "--fifo --pid 80 106"]);
    assert_eq!([4, 40, 9, 31, 32, 38].map(|irq| proc.cpu_of(irq)), ["0", "0", "1", "1", "1", "1"]);
    assert_eq!(said.trim(), "interrupts of USB hosts: 4 (xhci_hcd, CPU 0) 40 (dwc2_hsotg:usb3, CPU 0)");
    assert_eq!(fs::read_to_string(proc.0.join("irq/default_smp_affinity")).unwrap().trim(), "2");
}

#[test]
fn every_kind_of_usb_host_is_known_by_name_and_nothing_else_is() {
    let names = [
        ("xhci_hcd", true),
        ("xhci-hcd:usb1", true),
        ("ehci_hcd:usb1", true),
        ("ohci_hcd:usb2", true),
        ("uhci_hcd:usb4", true),
        ("dwc2_hsotg:usb1", true),
        ("dwc_otg", true),
        ("3f980000.usb,dwc2_hsotg:usb1", true),
        ("ahci[0000:00:1f.2]", false),
        ("mmc0", false),
        ("sdhci", false),
        ("eth0", false),
        ("PCIe PME", false),
        ("aerdrv", false),
        ("bcm2835-dma", false),
        ("usb_ethernet", false),
    ];
    let proc = Proc::new("names");
    for (irq, (name, _)) in (10..).zip(names) {
        proc.add(irq, &[name], &[1000 + irq]);
    }
    let (_, asked) = proc.run();
    let expected: Vec<String> = (10..)
        .zip(names)
        .filter(|(_, (_, is_host))| *is_host)
        .map(|(irq, _)| format!("--fifo --pid 80 {}", 1000 + irq))
        .collect();
    assert_eq!(asked, expected);
}

#[test]
fn an_interrupt_is_not_taken_for_another_whose_number_begins_alike() {
    let proc = Proc::new("alike");
    proc.add(4, &["xhci_hcd"], &[204]);
    proc.add(41, &["eth0"], &[241]);
    proc.add(44, &["eth1"], &[244]);
    assert_eq!(proc.run().1, ["--fifo --pid 80 204"]);
}

#[test]
fn without_threads_or_without_usb_it_says_so() {
    let proc = Proc::new("none");
    proc.add(31, &["eth0"], &[101]);
    assert_eq!(proc.run().0, "interrupts of USB hosts: none\n");
    proc.add(4, &["xhci_hcd"], &[]);
    assert!(proc.run().0.contains("no real-time kernel?"));
}
