//! Files of the state folder, read across versions: the only way to read one.
//!
//! Both systems of a card share one data partition, and a newer version may fall back to an older one. So a file carries
//! the number of its format; an older format is brought up step by step; of a newer one what is known is read; and what is
//! not known is kept when the file is written. A file that cannot be understood is never written over: it is kept aside.

use super::StateFolder;
use super::whole::Folder;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::marker::PhantomData;

/// The field that numbers a file's format. Builds before the release of 0.1.0 wrote files that have none: format 0.
const FORMAT: &str = "format";
/// Largest file that is read: far more than any of ours.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What a file holds besides its number.
pub type Fields = Map<String, Value>;
/// Brings a file from one format to the next.
pub type Step = fn(&mut Fields);

/// What one file of the state folder holds. Serialised to an object. Fields that have a default (`#[serde(default)]` on the
/// type) are read one by one: one that is strange does not spoil the others.
pub trait StateFile: Serialize + DeserializeOwned {
    /// Its name in the state folder.
    const NAME: &'static str;
    /// From each format to the next, the oldest first. They are only ever added to: the format that is written is their number.
    const STEPS: &'static [Step];
    /// Who may read it: nobody else, unless it says otherwise.
    const MODE: u32 = 0o600;

    /// Whether these fields of a newer format may say, under names that are not known, what must not be passed over: then the file
    /// counts as damaged. Its number is not among them.
    fn conceals(_fields: &Fields) -> bool {
        false
    }
}

/// The step from files without a number to format 1: nothing but the number.
pub fn numbered(_: &mut Fields) {}

/// What a file was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// It was never written.
    Nothing,
    /// What of it is understood.
    Stored {
        /// Fields that are strange have their default here.
        value: T,
        /// Fields that stand there in a form this version does not understand. They stay as they are.
        strange: Vec<String>,
    },
    /// Nothing of it can be understood: why.
    Damaged(String),
}

/// One file, and what stands in it that this version does not know.
#[derive(Debug)]
pub struct Stored<T> {
    folder: StateFolder,
    /// What the file holds, in our format or a newer one.
    fields: Fields,
    /// What of it this version made, or understood when it read it: what differs from this is changed, and nothing else.
    known: Value,
    /// What lies there cannot be understood.
    damaged: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: StateFile> Stored<T> {
    /// Looks at the file. Whatever it holds, this ends well.
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

    /// Writes what has changed in `value`, so that after a power cut either the old or the new file is there. What else
    /// stands in the file stays; a file that is damaged is kept aside.
    ///
    /// # Errors
    /// What the disk said.
    ///
    /// # Panics
    /// When `T` is nothing that serialises to an object.
    pub fn write(&mut self, value: &T) -> Result<()> {
        self.write_without(value, &[])
    }

    /// The same; fields that are `gone` and not in `value` do not stay, strange or not.
    ///
    /// # Errors
    /// What the disk said.
    ///
    /// # Panics
    /// When `T` is nothing that serialises to an object.
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
    /// Has a field that was strange written with the next change, whatever stands in it.
    pub fn forget(&mut self, field: &str) {
        self.fields.remove(field);
    }
}

/// The number of a format; `None` for one that is none, and so of a version to come.
fn format(fields: &Fields) -> Option<usize> {
    fields.get(FORMAT).map_or(Some(0), |format| format.as_u64().and_then(|n| usize::try_from(n).ok()))
}

fn understand<T: StateFile>(bytes: &[u8]) -> std::result::Result<(Fields, Found<T>), String> {
    // Behind the text: what some file systems leave after a power cut. Before it: what an editor adds.
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

/// What can be understood of a file in our format or a newer one.
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

/// Changes in `whole` what differs between `before` and `now`; what neither of them names stays.
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
    /// The bytes of `name`, if it was ever written.
    fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        match Folder::to_read(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            folder => folder?.read(OsStr::new(name), FILE_BYTES_MAX),
        }
    }

    /// Leaves an empty file of this name: a wish, for whoever watches the folder.
    ///
    /// # Errors
    /// What the disk said.
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
