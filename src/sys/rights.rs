//! Root's rights, and how they are given up.

use crate::error::{Error, Result};
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// From here on, for good, does no more than the user who owns `folder` may: whatever lies there under any name, nothing
/// outside can be reached through it. Whoever is not root, or owns the folder, stays who they are.
///
/// # Errors
/// When the rights cannot be given up.
pub fn become_owner_of(folder: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(folder) else { return Ok(()) }; // none there: whoever asks will say so
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
