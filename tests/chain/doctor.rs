//! `synthwire doctor` and `synthwire soak` beside the real service: with the same configuration all three use
//! the same address.

use crate::service::Service;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A configuration whose `listen` is this address. The file is removed when the value is dropped.
struct Configuration(PathBuf);

impl Configuration {
    fn new(name: &str, listen: std::net::SocketAddr) -> Self {
        let path = std::env::temp_dir().join(format!("synthwire-{name}-{}.toml", std::process::id()));
        std::fs::write(&path, format!("listen = \"{listen}\"\n")).unwrap();
        Self(path)
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
        command.args(arguments).arg("--config").arg(&self.0).env_remove("SYNTHWIRE_KEY");
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn doctor_asks_the_running_service_of_its_configuration() {
    let service = Service::playing(&["--source", "exact:music"]);
    let configuration = Configuration::new("doctor", service.address);
    let (_, said) = configuration.run(&["doctor"]);
    let address = service.address;
    for line in [
        format!("answers at {address}, for 0 listeners"),
        "good  sound card: the service plays Exact test source (exact)".to_owned(),
        format!("good  port: {address} is the service's"),
        "good  alive: ".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}:\n{said}");
    }
    assert!(!said.contains("choose another"), "{said}");
}

#[test]
fn the_report_of_a_running_service_holds_its_numbers_and_not_its_names() {
    let service = Service::playing(&["--source", "exact:music", "--name", "annas.studio.example"]);
    let configuration = Configuration::new("report", service.address);
    let (_, said) = configuration.run(&["doctor", "--report", "-"]);
    assert!(
        said.contains("\nsource.state: playing\n") && said.contains("\nstream.rate_hz: 44100\n"),
        "{said}"
    );
    assert!(!said.contains("annas") && !said.contains("127.0.0.1"), "{said}");
}

#[test]
fn a_demo_is_no_bad_sound_card_and_another_programs_port_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let configuration = Configuration::new("demo", other.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n<html>another</html>").unwrap();
    });
    let (well, said) = configuration.run(&["doctor", "--demo"]);
    answering.join().unwrap();
    assert!(!well && said.contains("BAD   port: another program answers at 127.0.0.1:"), "{said}");
    assert!(!said.contains("BAD   sound card"), "{said}");
}

#[test]
fn a_soak_goes_where_serve_listens() {
    let service = Service::playing(&["--source", "exact:music"]);
    let configuration = Configuration::new("soak", service.address);
    let (_, said) = configuration.run(&["soak", "1s"]);
    assert!(said.contains("Exact test source playing"), "{said}");
}

#[test]
fn doctor_of_the_systems_own_service_knows_the_https_that_its_unit_asks_for() {
    let programs = std::env::temp_dir().join(format!("synthwire-programs-{}", std::process::id()));
    std::fs::create_dir_all(&programs).unwrap();
    let systemctl = programs.join("systemctl");
    let says = "ExecStart={ path=/x ; argv[]=/x serve --listen-tls 192.0.2.1:443 ; ignore_errors=no }";
    std::fs::write(&systemctl, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
    std::fs::set_permissions(&systemctl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::join_paths(
        std::iter::once(programs.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let doctor = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
        command.arg("doctor").args(arguments).env("PATH", path.as_ref().unwrap()).env_remove("SYNTHWIRE_KEY");
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    };
    let said = doctor(&[]);
    assert!(said.contains("HTTPS port: ") && said.contains("192.0.2.1:443"), "{said}");
    let other = doctor(&["--listen", "127.0.0.1:0"]);
    assert!(!other.contains("HTTPS port: "), "another service than the system's: {other}");
    std::fs::remove_dir_all(programs).unwrap();
}
