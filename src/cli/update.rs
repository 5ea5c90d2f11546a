//! `synthwire update`: gives a bundle to the system's updater and reports the progress, as the page does.

use super::arguments::Configured;
use super::terminal::{remark, say};
use crate::error::{Error, Result};
use crate::named_file;
use crate::state::StateFolder;
use crate::sys::{boot_loader, rights};
use crate::update::{Age, NotTaken, Phase, UPDATER_FOLDER, Updater, UpdaterStatus};
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// Bytes read and written at once.
const PIECE_BYTES: usize = 256 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks until we give up on a bundle that the updater does not take: a minute.
const LOOKS_UNTAKEN_MAX: u32 = 300;

/// Where systemd has the service's state folder, unless the configuration names another.
const SYSTEMS_FOLDER: &str = "/var/lib/synthwire";

/// Which bundle to install, and how.
#[derive(Debug, Args)]
pub(super) struct UpdateArguments {
    /// The bundle: a file made by 'make bundle', usually named *.raucb
    file: PathBuf,
    /// Restart into it as soon as it is installed
    #[arg(long)]
    restart: bool,
    /// Install it even if it is older than the running system
    #[arg(long)]
    older: bool,
    /// The service's state folder, in which bundles are handed over [default: the configuration's, else /var/lib/synthwire]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
    /// Folder in which the system's updater reports its state
    #[arg(long, value_name = "DIR", default_value = UPDATER_FOLDER)]
    updater: PathBuf,
}

pub(super) fn run(arguments: &UpdateArguments) -> Result<ExitCode> {
    let file = named_file::open(&arguments.file).map_err(|error| {
        Error::new(format!("cannot read {}", arguments.file.display()))
            .because(error)
            .try_this("Check the path: it has to name the file of an update")
    })?; // only root may be allowed to read it
    let folder = match &arguments.state {
        Some(folder) => folder.clone(),
        None => services_folder(arguments.configured.read()?.config.state),
    };
    rights::become_owner_of(&folder)?;
    let state = StateFolder::open(&folder)
        .map_err(|error| error.try_this("Name one with --state that this user may write"))?;
    let updater =
        Updater::new(&arguments.updater, Some(state)).unless(boot_loader::here().unfit().map(Into::into));
    hand_over(arguments, file, &updater)?;
    let said = until_settled(&updater)?;
    say(said.words());
    if !said.detail.is_empty() {
        say(format!("({})", said.detail));
    }
    if said.state == Phase::Refused && said.reason == "older" {
        say("As root, give --older to install it all the same.");
    }
    if said.state != Phase::Waiting {
        return Ok(ExitCode::FAILURE);
    }
    if arguments.restart {
        updater.restart().map_err(|why| cannot(&why))?;
        say("Restarting.");
    } else {
        say("Restart to use it: switch the device off and on, or give --restart next time.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the service's folder. The service creates the folder that its configuration names. If that folder is missing, the
/// service could not create it, and uses systemd's. This command creates no folder, because nobody would look for a bundle
/// in it.
fn services_folder(configured: Option<PathBuf>) -> PathBuf {
    let Some(folder) = configured else { return SYSTEMS_FOLDER.into() };
    if folder.is_dir() {
        return folder;
    }
    remark(format!(
        "The state folder {} of the configuration is not there: the update goes into {SYSTEMS_FOLDER}, as the service does without it.",
        folder.display()
    ));
    SYSTEMS_FOLDER.into()
}

fn hand_over(arguments: &UpdateArguments, mut file: File, updater: &Updater) -> Result<()> {
    let unread = |error| Error::new(format!("cannot read {}", arguments.file.display())).because(error);
    let bytes = file.metadata().map_err(unread)?.len();
    let age = if arguments.older { Age::Any } else { Age::Newer };
    let mut incoming = updater.begin(Some(bytes), age).map_err(|why| cannot(&why))?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece).map_err(unread)? {
            0 => break,
            bytes => incoming.write(&piece[..bytes]).map_err(|why| cannot(&why))?,
        }
    }
    incoming.hand_over().map_err(|why| cannot(&why))
}

/// Follows the updater until the update is finished, and reports each step once.
fn until_settled(updater: &Updater) -> Result<UpdaterStatus> {
    let mut looks = 0;
    while updater.is_handed_over() {
        looks += 1;
        if looks > LOOKS_UNTAKEN_MAX {
            return Err(Error::new("the updater does not take the update")
                .try_this("Look at 'systemctl status synthwire-update.path synthwire-update.service'"));
        }
        sleep(LOOK_EVERY);
    }
    let mut told = String::new();
    loop {
        let said = updater.said()?.ok_or_else(|| cannot(&NotTaken::Impossible))?;
        if !said.is_busy() {
            return Ok(said);
        }
        let words = said.words();
        if told != words {
            say(&words);
            told = words;
        }
        sleep(LOOK_EVERY);
    }
}

fn cannot(why: &NotTaken) -> Error {
    let words = why.words();
    let error = Error::new("cannot update").because(words.trim_end_matches('.').to_owned());
    match why {
        NotTaken::Disk(_) => {
            error.try_this("Run it as root: the bundle goes into the service's state folder")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_folder::TestFolder;
    use std::path::Path;

    #[test]
    fn a_state_folder_that_the_service_could_not_make_is_not_made_for_an_update() {
        let folder = TestFolder::new("update-folder");
        assert_eq!(services_folder(None), Path::new(SYSTEMS_FOLDER));
        assert_eq!(services_folder(Some(folder.to_owned())), *folder);
        for absent in [folder.join("none"), "/proc/none".into()] {
            assert_eq!(services_folder(Some(absent.clone())), Path::new(SYSTEMS_FOLDER));
            assert!(!absent.exists());
        }
        std::fs::write(folder.join("file"), "").unwrap();
        assert_eq!(services_folder(Some(folder.join("file"))), Path::new(SYSTEMS_FOLDER));
    }
}
