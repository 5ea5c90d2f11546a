//! Files written completely or not at all, through an open folder: no link is followed, and a name cannot change its
//! meaning meanwhile.
//!
//! In: a folder, a name, bytes. Out: after a power cut at any moment, the old bytes or the new ones. A process with root's
//! rights trusts a folder only if root owns it and every folder above it. The owner of a folder can replace any name in it
//! by a link, and root would then write where that leads.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, open, openat, renameat, renameat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, linkat, unlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path};

/// Maximum number of names tried for a file beside another one; the first may be taken by something that cannot be removed.
const NAMES_MAX: u32 = 9;
const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY);

/// Writes `path` with this mode, so that after a power cut either the old or the new bytes are there. Its folder must
/// exist.
///
/// # Errors
/// The disk's error, or that root cannot trust the folder.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    Folder::to_write(folder_of(path))?.write(name, bytes, mode)
}

/// Writes like [`write_whole`], and creates missing folders with `folder_mode`.
///
/// # Errors
/// As [`write_whole`].
pub fn write_whole_below(path: &Path, bytes: &[u8], mode: u32, folder_mode: u32) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    Folder::made(folder_of(path), folder_mode)?.write(name, bytes, mode)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The steps of a write, between which the power may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A new file beside the old one exists and is empty.
    Made,
    /// The new file holds the bytes; the disk may not have them yet.
    Written,
    /// The disk has the bytes.
    Synced,
    /// The name refers to the new bytes; the disk may not know yet.
    Renamed,
}

/// An open folder, which stays the same one even if it is renamed.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder to read files, regardless of its owner.
    pub(super) fn to_read(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, FOLDER, Mode::empty())?))
    }

    /// Opens the folder to write files.
    pub(super) fn to_write(path: &Path) -> io::Result<Self> {
        if geteuid().is_root() { Self::roots(path, None) } else { Self::to_read(path) }
    }

    /// Opens the folder to write files, and creates it if it is missing.
    pub(super) fn made(path: &Path, mode: u32) -> io::Result<Self> {
        if geteuid().is_root() {
            return Self::roots(path, Some(Mode::from_bits_truncate(mode)));
        }
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)?;
        Self::to_read(path)
    }

    /// Walks down to the folder through folders owned by root, without following links; creates missing ones if a mode is
    /// given.
    fn roots(path: &Path, make: Option<Mode>) -> io::Result<Self> {
        let path = std::path::absolute(path)?; // the folders above the current one count as well
        let start = Path::new("/");
        let mut here = open(start, FOLDER, Mode::empty())?;
        believe(&here, start)?;
        let mut so_far = start.to_owned();
        for part in path.components() {
            let name = match part {
                Component::RootDir | Component::CurDir => continue,
                Component::Normal(name) => name,
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(unbelievable("the path holds '..', which may lead anywhere"));
                }
            };
            so_far.push(name);
            let mut next = openat(&here, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty());
            if let (Err(Errno::ENOENT), Some(mode)) = (&next, make) {
                mkdirat(&here, name, mode)?;
                next = openat(&here, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty());
            }
            here = next.map_err(|error| match error {
                Errno::ENOTDIR | Errno::ELOOP => {
                    unbelievable(&format!("{} is a link or no folder", so_far.display()))
                }
                error => error.into(),
            })?;
            believe(&here, &so_far)?;
        }
        Ok(Self(here))
    }

    /// Returns the bytes of `name`; `None` if there is no such file.
    pub(super) fn read(&self, name: &OsStr, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        // Non-blocking: opening a pipe would wait for a writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = match openat(&self.0, name, flags, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP) => return Err(io::Error::other("it is a link")),
            opened => opened?,
        };
        let found = fstat(&opened)?;
        if !is_kind(&found, SFlag::S_IFREG) {
            return Err(io::Error::other("it is no file"));
        }
        if geteuid().is_root() && found.st_uid != 0 && found.st_uid != fstat(&self.0)?.st_uid {
            return Err(io::Error::other("it belongs to neither root nor the folder's owner"));
        }
        let mut bytes = Vec::new();
        File::from(opened).take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::Error::other("it is too long to be this service's"));
        }
        Ok(Some(bytes))
    }

    /// Writes `name` completely.
    pub(super) fn write(&self, name: &OsStr, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.write_in_steps(name, bytes, mode, &mut |_| Ok(()))
    }

    /// Writes `name`; a test may cut the power in `after`, which is called after each step.
    pub(super) fn write_in_steps(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        after: &mut dyn FnMut(Step) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut file, fresh) = self.fresh(name, Mode::from_bits_truncate(mode))?;
        after(Step::Made)?;
        self.or_remove(&fresh, file.write_all(bytes))?;
        after(Step::Written)?;
        self.or_remove(&fresh, file.sync_all())?;
        after(Step::Synced)?;
        self.or_remove(&fresh, renameat(&self.0, fresh.as_str(), &self.0, name).map_err(Into::into))?;
        after(Step::Renamed)?;
        Ok(nix::unistd::fsync(&self.0)?)
    }

    /// If a step failed, removes the file it left, which would take up room on a full partition.
    fn or_remove(&self, fresh: &str, done: io::Result<()>) -> io::Result<()> {
        if done.is_err() {
            let _ = unlinkat(&self.0, fresh, UnlinkatFlags::NoRemoveDir); // the first error is the one to report
        }
        done
    }

    /// Creates a new file beside `name`. If a power cut left one in its place, that is removed, never written into.
    fn fresh(&self, name: &OsStr, mode: Mode) -> io::Result<(File, String)> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut refusal = io::Error::from(ErrorKind::AlreadyExists);
        for name in beside(name, "new") {
            let _ = unlinkat(&self.0, name.as_str(), UnlinkatFlags::NoRemoveDir); // usually there is none
            match openat(&self.0, name.as_str(), flags, mode) {
                Ok(opened) => return Ok((File::from(opened), name)),
                Err(Errno::EEXIST) => {}
                Err(error) => {
                    refusal = error.into();
                    break;
                }
            }
        }
        Err(refusal)
    }

    /// Links `name` under a second name, so that overwriting it loses nothing; returns that name. If all names are taken,
    /// the last removable one is reused: damaged files must not prevent writing forever.
    pub(super) fn keep_aside(&self, name: &OsStr) -> io::Result<String> {
        for aside in beside(name, "damaged") {
            match self.name_also(name, &aside) {
                Err(Errno::EEXIST) => {}
                named => return Ok(named.map(|()| aside)?),
            }
        }
        let taken: Vec<String> = beside(name, "damaged").collect();
        let given_up = taken.into_iter().rev().find(|aside| {
            unlinkat(&self.0, aside.as_str(), UnlinkatFlags::NoRemoveDir).is_ok() // a folder may hold anything
        });
        let aside = given_up.ok_or(Errno::EEXIST)?;
        Ok(self.name_also(name, &aside).map(|()| aside)?)
    }

    /// Gives the file called `name` this second name.
    fn name_also(&self, name: &OsStr, also: &str) -> nix::Result<()> {
        match linkat(&self.0, name, &self.0, also, AtFlags::empty()) {
            // A folder can have only one name.
            Err(Errno::EPERM | Errno::EOPNOTSUPP) => {
                renameat2(&self.0, name, &self.0, also, RenameFlags::RENAME_NOREPLACE)
            }
            named => named,
        }
    }
}

/// Returns `NAME.WORD`, `NAME.WORD-2` and so on.
fn beside(name: &OsStr, word: &str) -> impl Iterator<Item = String> {
    let name = format!("{}.{word}", name.to_string_lossy());
    (1..=NAMES_MAX).map(move |n| if n == 1 { name.clone() } else { format!("{name}-{n}") })
}

fn is_kind(found: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == kind
}

/// Checks that only root can change what names in this folder refer to.
fn believe(folder: &OwnedFd, path: &Path) -> io::Result<()> {
    let found = fstat(folder)?;
    match who_decides(found.st_uid, found.st_gid, Mode::from_bits_truncate(found.st_mode)) {
        Decides::Root => Ok(()),
        Decides::Other => Err(unbelievable(&format!("{} belongs to another user", path.display()))),
        Decides::Group => Err(unbelievable(&format!("a group of users may write in {}", path.display()))),
        Decides::Everybody => Err(unbelievable(&format!("everybody may write in {}", path.display()))),
    }
}

/// The users who can replace or rename the files in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decides {
    Root,
    Other,
    Group,
    Everybody,
}

/// Decides by the folder's owner, group and mode. In a sticky folder, users cannot rename or remove files of others.
pub(super) fn who_decides(user: u32, group: u32, mode: Mode) -> Decides {
    let may = |bit| mode.contains(bit) && !mode.contains(Mode::S_ISVTX);
    if user != 0 {
        Decides::Other
    } else if may(Mode::S_IWOTH) {
        Decides::Everybody
    } else if group != 0 && may(Mode::S_IWGRP) {
        Decides::Group
    } else {
        Decides::Root
    }
}

fn unbelievable(why: &str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, format!("{why}, so root does not write there"))
}
