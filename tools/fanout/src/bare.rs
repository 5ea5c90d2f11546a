//! The lower bound: a loop that writes the same sizes at the same pace to as many sockets, and does nothing
//! else.

use crate::usage::{become_real_time, thread_cpu_ns};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The plan of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of sockets.
    pub sockets: usize,
    /// Time between two rounds, ns.
    pub period_ns: u64,
    /// Number of rounds in which each socket is written to once.
    pub every: usize,
    /// Bytes per write.
    pub bytes: usize,
    /// Length of the run.
    pub seconds: f64,
}

/// The measured cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Processor time of the loop's thread.
    pub cpu_s: f64,
    /// Time from the first to the last round.
    pub wall_s: f64,
    /// Number of writes.
    pub writes: u64,
    /// Writes that the kernel took only in part.
    pub short: u64,
}

/// Listens, prints its port, waits for a line, writes, and prints its cost.
pub fn run(plan: &Plan) -> Result<(), String> {
    let describe = |error: std::io::Error| format!("the bare loop: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(describe)?;
    println!("{}", listener.local_addr().map_err(describe)?);
    let mut sockets = Vec::new();
    for _ in 0..plan.sockets {
        let (socket, _) = listener.accept().map_err(describe)?;
        socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true)).map_err(describe)?;
        sockets.push(socket);
    }
    std::io::stdin().lock().read_line(&mut String::new()).map_err(describe)?;
    become_real_time();
    println!("{}", serde_json::to_string(&write(plan, &mut sockets)).expect("numbers serialise"));
    Ok(())
}

fn write(plan: &Plan, sockets: &mut [TcpStream]) -> Cost {
    let message = vec![0x5a_u8; plan.bytes];
    let turns = (plan.seconds * 1e9 / plan.period_ns as f64) as usize;
    let mut cost = Cost { cpu_s: 0.0, wall_s: 0.0, writes: 0, short: 0 };
    let (began, cpu_began) = (Instant::now(), thread_cpu_ns());
    for turn in 0..turns {
        let due = Duration::from_nanos(plan.period_ns * turn as u64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        for socket in
            sockets.iter_mut().skip((plan.every - turn % plan.every) % plan.every).step_by(plan.every)
        {
            match socket.write(&message) {
                Ok(written) if written == message.len() => {}
                Ok(_) => cost.short += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => cost.short += 1,
                Err(_) => {}
            }
            cost.writes += 1;
        }
    }
    cost.wall_s = began.elapsed().as_secs_f64();
    cost.cpu_s = (thread_cpu_ns() - cpu_began) as f64 / 1e9;
    cost
}
