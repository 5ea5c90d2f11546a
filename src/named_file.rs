//! Opens a file that the user named. This is the only way to read one: opening a pipe would wait for a writer, perhaps
//! forever, and a device may never end.

use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file to read it. Never waits.
///
/// # Errors
/// The disk's error; [`ErrorKind::InvalidInput`] if it is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<File> {
    let no_file =
        || io::Error::new(ErrorKind::InvalidInput, "it is no file, but a folder, a pipe or a device");
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::ENXIO as i32 => no_file(), // a socket, or a device without a driver
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_a_file_is_opened_and_nothing_is_waited_for() {
        let folder = TestFolder::new("named");
        let at = |name: &str| folder.join(name);
        std::fs::write(at("file"), "content").unwrap();
        symlink("file", at("link")).unwrap();
        for name in ["file", "link"] {
            let mut text = String::new();
            open(&at(name)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "content");
        }
        mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
        symlink("pipe", at("link to a pipe")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for path in [at("pipe"), at("link to a pipe"), at("socket"), folder.to_owned(), "/dev/null".into()] {
            let error = open(&path).unwrap_err();
            assert!(error.to_string().starts_with("it is no file"), "{}: {error}", path.display());
        }
        assert_eq!(open(&at("missing")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
