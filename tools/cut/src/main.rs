//! `cut IMAGE SOCKET SEED`: offers a disk image to one emulated machine, as a memory card that keeps its last
//! writes in a cache.
//!
//! Data that the machine has not flushed is in memory only. If the connection just ends (the machine was
//! killed, which stands for a power cut), a random part of the data reaches the image, and the rest is lost.
//! If the machine disconnects properly, all of it reaches the image. The program prints the fate of the
//! writes, and ends.
//!
//! `main` does the I/O; [`nbd`] parses requests; [`cache`] knows which data is not yet written.

mod cache;
mod nbd;

use cache::{Cache, SECTOR_BYTES};
use nbd::{Command, Request};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};

fn main() -> Result<(), String> {
    let [_, image, socket, seed] = <[String; 4]>::try_from(std::env::args().collect::<Vec<_>>())
        .map_err(|_| "cut IMAGE SOCKET SEED".to_owned())?;
    let seed = seed.parse().map_err(|error| format!("{seed} is no number: {error}"))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&image)
        .map_err(|error| format!("cannot open {image}: {error}"))?;
    let listener =
        UnixListener::bind(&socket).map_err(|error| format!("cannot listen at {socket}: {error}"))?;
    let (machine, _) = listener.accept().map_err(|error| format!("cannot accept: {error}"))?;
    let mut card = Card { file, cache: Cache::default() };
    let goodbye = card.serve(machine).map_err(|error| format!("the connection failed: {error}"))?;
    let unwritten = card.cache.len();
    if goodbye {
        card.flush().map_err(|error| format!("cannot write {image}: {error}"))?;
        println!("cut: an orderly end, {unwritten} sectors written");
    } else {
        let kept = card.cut(seed).map_err(|error| format!("cannot write {image}: {error}"))?;
        println!("cut: power lost with {unwritten} sectors unwritten, {kept} of them reached the card");
    }
    Ok(())
}

/// The image, and the data that has not reached the image.
struct Card {
    file: File,
    cache: Cache,
}

impl Card {
    /// Answers until the machine is gone; returns whether it disconnected properly.
    fn serve(&mut self, mut machine: UnixStream) -> std::io::Result<bool> {
        let bytes = self.file.metadata()?.len();
        machine.write_all(&nbd::greeting())?;
        let mut flags = [0; 4];
        machine.read_exact(&mut flags)?;
        loop {
            let mut head = [0; nbd::OPTION_BYTES];
            machine.read_exact(&mut head)?;
            let (option, length) = nbd::option(&head).map_err(std::io::Error::other)?;
            machine.read_exact(&mut vec![0; length])?;
            machine.write_all(&nbd::answer(option, bytes))?;
            if nbd::chooses_export(option) {
                break;
            }
        }
        loop {
            let mut head = [0; nbd::REQUEST_BYTES];
            match machine.read_exact(&mut head) {
                Ok(()) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) =>
                {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            let request = nbd::request(&head).map_err(std::io::Error::other)?;
            if request.command == Command::Goodbye {
                return Ok(true);
            }
            let reply = match self.carry_out(&request, &mut machine) {
                Ok(reply) => reply,
                // A machine that is killed in the middle of a write has not written anything.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            };
            match machine.write_all(&reply) {
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    return Ok(false);
                }
                other => other?,
            }
        }
    }

    /// Carries out a request, and returns the reply.
    fn carry_out(&mut self, request: &Request, machine: &mut UnixStream) -> std::io::Result<Vec<u8>> {
        let mut reply = nbd::reply(request.handle);
        match request.command {
            Command::Read => {
                let mut data = vec![0; request.length];
                self.file.read_exact_at(&mut data, request.offset)?;
                self.cache.lay_over(request.offset, &mut data);
                reply.extend(data);
            }
            Command::Write { through } => {
                let mut data = vec![0; request.length];
                machine.read_exact(&mut data)?;
                self.cache.write(request.offset, &data);
                if through {
                    self.flush()?;
                }
            }
            Command::Flush => self.flush()?,
            Command::Goodbye => {}
        }
        Ok(reply)
    }

    /// Writes the whole cache to the image.
    fn flush(&mut self) -> std::io::Result<()> {
        for (sector, data) in self.cache.take() {
            self.file.write_all_at(&data, sector * SECTOR_BYTES as u64)?;
        }
        Ok(())
    }

    /// Writes the sectors that survive the power cut, and returns their number.
    fn cut(&mut self, seed: u64) -> std::io::Result<usize> {
        let kept = cache::survivors(self.cache.take(), seed);
        for (sector, data) in &kept {
            self.file.write_all_at(data, sector * SECTOR_BYTES as u64)?;
        }
        Ok(kept.len())
    }
}
