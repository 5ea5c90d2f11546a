//! Files of the state folder, read across versions. All reading of state files goes through this module.
//!
//! Both systems of a card share one data partition, and a newer version may fall back to an older one. So each file carries
//! the number of its format. An older format is upgraded step by step; of a newer one, the known fields are read. Unknown
//! fields are kept when the file is written. A file that cannot be understood is never overwritten but kept aside.

use super::StateFolder;
use super::whole::Folder;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::marker::PhantomData;

/// The field with the number of a file's format. Builds before the release of 0.1.0 wrote files without it: format 0.
const FORMAT: &str = "format";
/// Largest file that is read: far more than any of ours.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The content of a file, besides its format number.
pub type Fields = Map<String, Value>;
/// Upgrades a file from one format to the next.
pub type Step = fn(&mut Fields);

/// The content of one file of the state folder. It serialises to an object. If the type has `#[serde(default)]`, its fields
/// are read one by one, so that an invalid one does not spoil the others.
pub trait StateFile: Serialize + DeserializeOwned {
    /// The file's name in the state folder.
    const NAME: &'static str;
    /// The upgrades from each format to the next, the oldest first. Steps are only ever added; their number is the format
    /// that is written.
    const STEPS: &'static [Step];
    /// The file mode: by default only the owner may read it.
    const MODE: u32 = 0o600;

    /// Returns whether these fields of a newer format may hide something essential under unknown names; then the file
    /// counts as damaged. The format number is not among the fields.
    fn conceals(_fields: &Fields) -> bool {
        false
    }
}

/// The upgrade from files without a format number to format 1: changes nothing else.
pub fn numbered(_: &mut Fields) {}

/// The content that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// The file was never written.
    Nothing,
    /// The parts of it that are understood.
    Stored {
        /// The content; invalid fields have their default here.
        value: T,
        /// Names of fields whose values this version does not understand. They stay in the file as they are.
        strange: Vec<String>,
    },
    /// The file cannot be understood, for this reason.
    Damaged(String),
}

/// A file, with the parts of it that this version does not know.
#[derive(Debug)]
pub struct Stored<T> {
    folder: StateFolder,
    /// The content of the file, in our format or a newer one.
    fields: Fields,
    /// The fields that this version wrote, or understood when it read the file. A write changes only what differs from them.
    known: Value,
    /// True if the file cannot be understood.
    damaged: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: StateFile> Stored<T> {
    /// Reads the file. Any content gives a result.
    pub fn open(folder: &StateFolder) -> (Self, Found<T>) {
        let (fields, found) = match folder.read(T::NAME) {
            Ok(None) => (Fields::new(), Found::Nothing),
            Ok(Some(bytes)) => understand(&bytes).unwrap_or_else(|why| (Fields::new(), Found::Damaged(why))),
            Err(error) => (Fields::new(), Found::Damaged(error.to_string())),
        };
        let known = match &found {
            Found::Stored { value, .. } => serde_json::to_value(value).unwrap_or_default(),
            _ => Value::Null,
        };
        let damaged = matches!(found, Found::Damaged(_));
        (Self { folder: folder.clone(), fields, known, damaged, kind: PhantomData }, found)
    }

    /// Writes the changes in `value`, so that after a power cut either the old or the new file is there.
    /// Everything else in the file stays; a damaged file is kept aside.
    ///
    /// # Errors
    /// The disk's error.
    ///
    /// # Panics
    /// If `T` does not serialise to an object.
    pub fn write(&mut self, value: &T) -> Result<()> {
        self.write_without(value, &[])
    }

    /// Writes like [`Self::write`]; but fields in `gone` that `value` lacks are removed, whether or not they were
    /// understood.
    ///
    /// # Errors
    /// The disk's error.
    ///
    /// # Panics
    /// If `T` does not serialise to an object.
    pub fn write_without(&mut self, value: &T, gone: &[&str]) -> Result<()> {
        let now = serde_json::to_value(value).expect("our own types serialise");
        let mut whole = self.fields.clone();
        whole.retain(|name, _| now.get(name).is_some() || !gone.contains(&name.as_str()));
        let mut whole = Value::Object(whole);
        change(&mut whole, &self.known, &now);
        let Value::Object(mut fields) = whole else { panic!("a file's type is an object") };
        if format(&fields).is_none_or(|format| format < T::STEPS.len()) {
            fields.insert(FORMAT.into(), T::STEPS.len().into());
        }
        let mut bytes = serde_json::to_vec_pretty(&fields).expect("our own types serialise");
        bytes.push(b'\n');
        if self.damaged {
            self.folder.keep_aside(T::NAME)?;
        }
        self.folder.write(T::NAME, &bytes, T::MODE)?;
        (self.fields, self.known, self.damaged) = (fields, now, false);
        Ok(())
    }
}

impl<T: StateFile> Stored<T> {
    /// Lets the next write replace a field that was not understood.
    pub fn forget(&mut self, field: &str) {
        self.fields.remove(field);
    }
}

/// Returns the number of a format; `None` if it is invalid, as a future version may write it.
fn format(fields: &Fields) -> Option<usize> {
    fields.get(FORMAT).map_or(Some(0), |format| format.as_u64().and_then(|n| usize::try_from(n).ok()))
}

fn understand<T: StateFile>(bytes: &[u8]) -> std::result::Result<(Fields, Found<T>), String> {
    // Remove zeros at the end, which some file systems leave after a power cut, and a byte order mark, which some editors
    // add.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii();
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if end == 0 {
        return Err(if bytes.is_empty() { "it is empty" } else { "it holds nothing but zeros" }.into());
    }
    let mut fields: Fields = serde_json::from_slice(&text[..end]).map_err(|error| error.to_string())?;
    if let Some(format) = format(&fields).filter(|format| *format < T::STEPS.len()) {
        T::STEPS[format..].iter().for_each(|step| step(&mut fields));
        fields.insert(FORMAT.into(), T::STEPS.len().into());
    }
    let is_newer = format(&fields).is_none_or(|format| format > T::STEPS.len());
    let found = known::<T>(&fields).and_then(|found| {
        if is_newer && T::conceals(&without_number(&fields)) {
            return Err("what is looked for may have another name".to_owned());
        }
        Ok(found)
    });
    let found = found.map_err(|why| {
        if is_newer {
            format!("a newer version wrote it, in a form this one does not know ({why})")
        } else {
            why
        }
    })?;
    Ok((fields, found))
}

fn without_number(fields: &Fields) -> Fields {
    fields
        .iter()
        .filter(|(name, _)| *name != FORMAT)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the parts of a file, in our format or a newer one, that can be understood.
fn known<T: StateFile>(fields: &Fields) -> std::result::Result<Found<T>, String> {
    let read = |fields: &Fields| serde_json::from_value::<T>(Value::Object(fields.clone()));
    let why = match read(fields) {
        Ok(value) => return Ok(Found::Stored { value, strange: Vec::new() }),
        Err(why) => why.to_string(),
    };
    let (good, strange): (Fields, Fields) = fields
        .clone()
        .into_iter()
        .partition(|(name, value)| read(&Fields::from_iter([(name.clone(), value.clone())])).is_ok());
    let value = read(&good).map_err(|_| why)?;
    Ok(Found::Stored { value, strange: strange.into_iter().map(|(name, _)| name).collect() })
}

/// Applies the differences between `before` and `now` to `whole`; everything else stays.
fn change(whole: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(whole), Value::Object(now)) = (&mut *whole, now) else {
        if before != now {
            *whole = now.clone();
        }
        return;
    };
    let nothing = Fields::new();
    let before = before.as_object().unwrap_or(&nothing);
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        whole.remove(name);
    }
    for (name, now) in now {
        let before = before.get(name).unwrap_or(&Value::Null);
        match whole.get_mut(name) {
            Some(there) => change(there, before, now),
            None if before == now => {} // it was a default, and still is
            None => {
                whole.insert(name.clone(), now.clone());
            }
        }
    }
}

impl StateFolder {
    /// Returns the bytes of `name`, if it was ever written.
    fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        match Folder::to_read(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            folder => folder?.read(OsStr::new(name), FILE_BYTES_MAX),
        }
    }

    /// Creates an empty file of this name: a request to the program that watches the folder.
    ///
    /// # Errors
    /// The disk's error.
    pub fn leave(&self, name: &str) -> Result<()> {
        self.write(name, b"", 0o600)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let written =
            Folder::to_write(&self.0).and_then(|folder| folder.write(OsStr::new(name), bytes, mode));
        written.map_err(|error| self.cannot_write(name, error))
    }

    fn keep_aside(&self, name: &str) -> Result<()> {
        let kept = Folder::to_write(&self.0).and_then(|folder| folder.keep_aside(OsStr::new(name)));
        let aside = kept.map_err(|error| self.cannot_write(name, error))?;
        tracing::warn!("{name} in the state folder is damaged: it is kept there as {aside}");
        Ok(())
    }

    fn cannot_write(&self, name: &str, error: std::io::Error) -> Error {
        Error::new(format!("cannot write {}", self.path(name).display()))
            .because(error)
            .try_this("Check that the state folder can be written and is not full")
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
