//! SIGTERM ends the service cleanly: it tells the listeners, frees the port, and exits with code 0.

use crate::service::Service;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Instant;

fn ask(service: &Service, signal: Signal) {
    kill(Pid::from_raw(service.child.id().cast_signed()), signal).unwrap();
}

#[test]
fn sigterm_tells_the_listeners_and_frees_the_port() {
    let mut service = Service::start(&["--source", "exact:music"]);
    let mut ear = service.listen();
    ear.records();
    let asked = Instant::now();
    ask(&service, Signal::SIGTERM);
    let (code, reason) = ear.close_reason();
    assert_eq!((code, reason.as_str()), (1001, "the service is stopping; it will be back"));
    let status = service.child.wait().unwrap();
    println!("stopped after {:?}", asked.elapsed());
    assert!(status.success(), "{status}");
    std::net::TcpListener::bind(service.address).expect("the port is free again");
}

#[test]
fn a_listener_that_does_not_answer_does_not_keep_it() {
    let mut service = Service::start(&["--source", "exact:music"]);
    let _silent = service.listen();
    ask(&service, Signal::SIGINT);
    assert!(service.child.wait().unwrap().success());
}
