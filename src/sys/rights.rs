//! Gives up root's rights.

use crate::error::{Error, Result};
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permanently gives up all rights beyond those of the user who owns `folder`, so that no name in that folder
/// can lead outside it. A process that is not root, or owns the folder, stays unchanged.
///
/// # Errors
/// If the rights cannot be given up.
pub fn become_owner_of(folder: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(folder) else { return Ok(()) }; // no such folder: the code that needs it will say so
    if !geteuid().is_root() || found.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
    setgroups(&[])
        .and_then(|()| setresgid(group, group, group))
        .and_then(|()| setresuid(user, user, user))
        .map_err(|error| {
            Error::new(format!("cannot act as the user who owns {}", folder.display())).because(error)
        })
}
