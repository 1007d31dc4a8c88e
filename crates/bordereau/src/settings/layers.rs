//! Where values come from, and which of them wins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::declared::{SETTINGS, Setting};
use super::{SettingError, Settings};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Values as they were given, by layer.
#[derive(Debug, Default)]
pub struct Layers {
    file: Option<(PathBuf, BTreeMap<String, String>)>,
    environment: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
}

impl Layers {
    /// Reads a settings file: a flat TOML table of texts and numbers.
    ///
    /// # Errors
    /// [`SettingError::File`] when it cannot be read, is not TOML, or holds something else.
    pub fn read_file(&mut self, path: &Path) -> Result<(), SettingError> {
        let wrong = |message: String| SettingError::File { path: path.to_owned(), message };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        let mut values = BTreeMap::new();
        for (name, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                _ => return Err(wrong(format!("{name} must be a text or a whole number"))),
            };
            values.insert(name, value);
        }
        self.file = Some((path.to_owned(), values));
        Ok(())
    }

    /// Takes the variables of our settings out of an environment.
    pub fn read_environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let ours: BTreeMap<String, &str> = SETTINGS.iter().map(|setting| (setting.variable(), setting.name)).collect();
        for (name, value) in variables {
            if let Some(setting) = ours.get(&name) {
                self.environment.insert((*setting).to_owned(), value);
            }
        }
    }

    /// Takes a value from the command line.
    pub fn set_flag(&mut self, name: &str, value: impl Into<String>) {
        self.flags.insert(name.to_owned(), value.into());
    }

    /// Takes a value from the command line when it was given.
    pub fn set_flag_if(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set_flag(name, value.to_string());
        }
    }

    /// Settles each setting.
    ///
    /// # Errors
    /// [`SettingError::Unknown`] for a name in the file or on the command line that is no setting.
    pub fn resolve(&self) -> Result<Resolved, SettingError> {
        let from_file =
            self.file.iter().flat_map(|(path, values)| values.keys().map(|name| (Origin::File(path.clone()), name)));
        let from_flags = self.flags.keys().map(|name| (Origin::CommandLine, name));
        for (origin, name) in from_file.chain(from_flags) {
            if !SETTINGS.iter().any(|setting| setting.name == name) {
                return Err(SettingError::Unknown { origin, name: name.clone() });
            }
        }
        Ok(Resolved { values: SETTINGS.iter().map(|setting| self.settle(setting)).collect() })
    }

    fn settle(&self, setting: &'static Setting) -> Value {
        let file =
            self.file.as_ref().and_then(|(path, values)| Some((Origin::File(path.clone()), values.get(setting.name)?)));
        let environment =
            self.environment.get(setting.name).map(|text| (Origin::Environment(setting.variable()), text));
        let flag = self.flags.get(setting.name).map(|text| (Origin::CommandLine, text));
        let (origin, text) = match flag.or(environment).or(file) {
            Some((origin, text)) => (origin, text.clone()),
            None => (Origin::Default, (setting.default)()),
        };
        Value { setting, text, origin }
    }
}

/// The winning text of one setting.
#[derive(Debug)]
struct Value {
    setting: &'static Setting,
    text: String,
    origin: Origin,
}

/// The winning texts of all settings.
#[derive(Debug)]
pub struct Resolved {
    values: Vec<Value>,
}

impl Resolved {
    /// Name, value and origin of each setting, in the order of [`SETTINGS`].
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        self.values.iter().map(|value| (value.setting.name, value.text.as_str(), &value.origin))
    }

    pub(super) fn get<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        let value = self.values.iter().find(|value| value.setting.name == name);
        let (text, origin) = value.map_or(("", Origin::Default), |value| (&value.text, value.origin.clone()));
        parse(text).map_err(|message| SettingError::Invalid { name, origin, message })
    }

    /// As [`Resolved::get`]; nothing for an empty text.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        self.get(name, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// All values, parsed.
    ///
    /// # Errors
    /// As [`Settings::parse`].
    pub fn settings(&self) -> Result<Settings, SettingError> {
        Settings::parse(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_layer_that_speaks_wins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bordereau.toml");
        std::fs::write(&file, "threads = 3\nlisten = \"127.0.0.1:1\"\nlog = \"warn\"\n").unwrap();
        let mut layers = Layers::default();
        layers.read_file(&file).unwrap();
        let environment = [("BORDEREAU_LISTEN", "127.0.0.1:2"), ("BORDEREAU_LOG", "debug"), ("PATH", "/bin")];
        layers.read_environment(environment.map(|(a, b)| (a.to_owned(), b.to_owned())).into_iter());
        layers.set_flag("log", "error");
        let resolved = layers.resolve().unwrap();
        let shown: BTreeMap<_, _> =
            resolved.rows().map(|(name, text, origin)| (name, (text, origin.clone()))).collect();
        assert_eq!(shown["data"], ("bordereau-data", Origin::Default));
        assert_eq!(shown["threads"], ("3", Origin::File(file)));
        assert_eq!(shown["listen"], ("127.0.0.1:2", Origin::Environment("BORDEREAU_LISTEN".to_owned())));
        assert_eq!(shown["log"], ("error", Origin::CommandLine));
    }

    #[test]
    fn a_file_may_hold_only_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bordereau.toml");
        for (content, expected) in [
            ("thread = 3", "there is no setting thread;"),
            ("threads = [1]", "threads must be a text or a whole number"),
            ("threads = ", ""),
        ] {
            std::fs::write(&file, content).unwrap();
            let mut layers = Layers::default();
            let error = layers.read_file(&file).and_then(|()| layers.resolve().map(|_| ())).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("bordereau.toml"), "{error}");
        }
    }
}
