//! Settings on the command line: each setting that has an option can override the configuration file.

use crate::config::{Config, Kind, SETTINGS, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use toml::{Table, Value};

/// The settings given.
#[derive(Clone, Debug, Default)]
pub(super) struct TypedSettings(Table);

impl TypedSettings {
    /// Returns whether this key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the configuration, overridden by these settings; an option that adds to a list keeps the items already in
    /// it.
    pub(super) fn over(&self, config: &Config) -> Config {
        self.0.iter().fold(config.clone(), |config, (key, value)| match (config.value(key), value) {
            (Some(Value::Array(held)), Value::Array(more)) => config.with(key, [held, more.clone()].concat()),
            _ => config.with(key, value.clone()),
        })
    }
}

/// Returns the option of a setting, if it has one.
fn option(setting: &'static Setting) -> Option<Arg> {
    let (long, value) = setting.option()?;
    let about = setting.about;
    let option = Arg::new(setting.key).long(long);
    let Some(value) = value else {
        return Some(option.action(ArgAction::SetTrue).help(match long.strip_prefix("no-") {
            Some(_) => format!("Do not {}{}", about[..1].to_lowercase(), &about[1..]),
            None => about.to_owned(),
        }));
    };
    let wants = match setting.kind {
        Kind::Number { least, most, .. } => Some(format!("{least} to {most}")),
        Kind::Names | Kind::Addresses => Some("may be given several times".to_owned()),
        _ => None,
    };
    let default = format!("default: {}", setting.default());
    let remarks: Vec<String> = wants.into_iter().chain([default]).collect();
    Some(
        option
            .value_name(value)
            .action(if is_list(setting) { ArgAction::Append } else { ArgAction::Set })
            .value_parser(|text: &str| setting.read(text))
            .help(format!("{about} [{}]", remarks.join("; "))),
    )
}

fn is_list(setting: &Setting) -> bool {
    matches!(setting.kind, Kind::Names | Kind::Addresses)
}

impl Args for TypedSettings {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().filter_map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TypedSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            let Some((long, value)) = setting.option() else { continue };
            let said = match value {
                None => matches.get_flag(setting.key).then(|| Value::Boolean(!long.starts_with("no-"))),
                Some(_) => {
                    matches.get_many::<Value>(setting.key).and_then(|values| values.cloned().reduce(joined))
                }
            };
            self.0.extend(said.map(|value| (setting.key.to_owned(), value)));
        }
        Ok(())
    }
}

/// Joins the values of an option that is given several times to a list.
fn joined(before: Value, now: Value) -> Value {
    match (before, now) {
        (Value::Array(before), Value::Array(now)) => Value::Array([before, now].concat()),
        (_, now) => now,
    }
}
