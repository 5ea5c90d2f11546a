//! `synthwire soak` beside the real service: it listens, and its final report is correct.

use crate::service::Service;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Child, Command, Output, Stdio};

fn soak(time: &str, address: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synthwire"));
    command.args(["soak", time, "--address", address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("SYNTHWIRE_KEY").spawn().unwrap()
}

/// Starts `soak` and waits until it listens.
fn listening(service: &Service) -> Child {
    let child = soak("1h", &service.address.to_string());
    while service.status()["listeners"]["now"] == 0 {}
    child
}

fn interrupted(child: Child) -> (bool, String) {
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    ended(child)
}

fn ended(child: Child) -> (bool, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn interrupted_it_gives_the_verdict_so_far_and_its_exit_code_agrees() {
    let service = Service::playing(&["--source", "exact:music"]);
    let (passed, said) = interrupted(listening(&service));
    assert!(said.contains(", ended before its 1 h 0 min"), "{said}");
    // On a busy machine sound may really be lost; then both the exit code and the report say so.
    assert_eq!(passed, said.contains("PASSED after "), "{said}");
    assert_eq!(!passed, said.contains("FAILED after "), "{said}");
}

#[test]
fn a_service_that_ends_is_a_failure() {
    let mut service = Service::playing(&["--source", "exact:music"]);
    let child = listening(&service);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let (passed, said) = interrupted(child);
    assert!(!passed && said.contains("FAILED after "), "{said}");
    assert!(said.contains("fault: the service did not answer"), "{said}");
}

#[test]
fn what_makes_a_soak_pointless_is_said_at_once() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (passed, said) = ended(soak("1h", &nobody.to_string()));
    assert!(!passed && said.contains("nothing answers at ") && said.contains("--address"), "{said}");
    let service = Service::start(&["--device", "nowhere"]);
    let (passed, said) = ended(soak("1h", &service.address.to_string()));
    assert!(!passed && said.contains("nothing plays there: "), "{said}");
    let (passed, said) = ended(soak("1 day", "127.0.0.1:1"));
    assert!(!passed && said.contains("is no length of time: 24h"), "{said}");
}
