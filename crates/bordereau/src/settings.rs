//! Settings: declared once in `declared::SETTINGS`, resolved once into the plain [`Settings`].
//!
//! A value comes from the built-in default, then the file (`bordereau.toml`), then the environment
//! (`BORDEREAU_<NAME>`), then the command line; the last one that speaks wins. `bordereau config show` prints each
//! value with its origin, and `docs/settings.md` is generated from the same table (a test fails when it drifts).
//! Nothing else in the program reads the file or the environment, `BORDEREAU_CONFIG` and what says how to write to a
//! terminal (`NO_COLOR`, `TERM`, `COLUMNS`, `LC_ALL`, `LC_CTYPE`, `LANG`) apart.

mod declared;
mod layers;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use bordereau_base::limits::IntakeLimits;
use bordereau_engine::batch::ResultFormat;
use bordereau_engine::release::manifest::Explanations;
use bordereau_jobs::PaceLimits;
use bordereau_profile::settings::PersonalDataMode;
use bordereau_server::Network;

pub use declared::{example, reference};
pub use layers::{Layers, Origin, Resolved};

/// A setting that cannot be used. The value is not repeated where it could be a secret; none is one today.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A name that is no setting.
    #[error("{origin}: there is no setting {name}; `bordereau config show` lists them")]
    Unknown {
        /// Where it was set.
        origin: Origin,
        /// The name.
        name: String,
    },
    /// A value of the wrong form.
    #[error("setting {name} ({origin}): {message}")]
    Invalid {
        /// The name.
        name: &'static str,
        /// Where it was set.
        origin: Origin,
        /// What it must be.
        message: String,
    },
    /// The settings file cannot be read or is not TOML.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// All settings, ready to use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the server: store, uploads, results.
    pub data: PathBuf,
    /// Address the server listens on.
    pub listen: String,
    /// Address that metrics are served on; none when absent.
    pub metrics_listen: Option<String>,
    /// Folder of further solution releases.
    pub solutions: Option<PathBuf>,
    /// Worker threads of a batch.
    pub threads: NonZeroUsize,
    /// Folder for scratch files.
    pub scratch: Option<PathBuf>,
    /// Format of the results.
    pub format: ResultFormat,
    /// How many features explain a prediction.
    pub explanations: Option<Explanations>,
    /// What a profile does with values that are likely personal data.
    pub pii: PersonalDataMode,
    /// Exit code when some records were rejected.
    pub rejected_exit_code: u8,
    /// Batches a server runs at the same time.
    pub batches_at_once: NonZeroUsize,
    /// How long a runner may be silent before its batch is taken up by another, in milliseconds.
    pub lease_ms: u64,
    /// Certificate and key; both or neither.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether to listen without TLS where others can listen in.
    pub plain_http: PlainHttp,
    /// Proxies that are believed when they say whom they were asked by.
    pub trusted_proxies: Vec<Network>,
    /// How often customers may ask, and anybody give wrong credentials.
    pub pace: PaceLimits,
    /// Networks that webhooks may be sent to although they are not public.
    pub webhook_networks: Vec<Network>,
    /// Days for which uploads and results are kept; for ever when absent.
    pub retention_days: Option<u32>,
    /// Free bytes of the disk below which no upload is taken.
    pub disk_free_bytes_min: u64,
    /// Resident bytes above which no further batch is begun.
    pub memory_bytes_max: u64,
    /// Filter of log lines.
    pub log: String,
    /// Whether log lines are text or JSON.
    pub log_format: LogFormat,
    /// Caps on an upload.
    pub limits: IntakeLimits,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}

/// Whether a server may listen without TLS on an address that is not a loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// It refuses to start.
    Refused,
    /// Something in front of it speaks TLS.
    Allowed,
}

impl FromStr for PlainHttp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "no" => Ok(Self::Refused),
            "yes" => Ok(Self::Allowed),
            _ => Err("must be yes or no".to_owned()),
        }
    }
}

impl Settings {
    /// Turns the winning texts into values.
    ///
    /// # Errors
    /// [`SettingError::Invalid`] for the first that has the wrong form.
    pub fn parse(resolved: &Resolved) -> Result<Self, SettingError> {
        Ok(Self {
            data: resolved.get("data", path)?,
            listen: resolved.get("listen", text)?,
            metrics_listen: resolved.optional("metrics_listen", text)?,
            solutions: resolved.optional("solutions", path)?,
            threads: resolved.get("threads", threads)?,
            scratch: resolved.optional("scratch", path)?,
            format: resolved.get("format", format)?,
            explanations: resolved.optional("explanations", str::parse)?,
            pii: resolved.get("pii", pii)?,
            rejected_exit_code: resolved.get("rejected_exit_code", exit_code)?,
            batches_at_once: resolved.get("batches_at_once", positive)?,
            lease_ms: resolved.get("lease_ms", lease)?,
            tls: tls(resolved)?,
            plain_http: resolved.get("allow_plain_http", str::parse)?,
            trusted_proxies: resolved.get("trusted_proxies", networks)?,
            pace: PaceLimits {
                requests_per_s: resolved.get("requests_per_s", count)?,
                requests_burst: resolved.get("requests_burst", count)?,
                failures_free: resolved.get("failed_logins_free", count)?,
                ..PaceLimits::default()
            },
            webhook_networks: resolved.get("webhook_networks", networks)?,
            retention_days: resolved.optional("retention_days", days)?,
            disk_free_bytes_min: resolved.get("disk_free_bytes_min", bytes_or_none)?,
            memory_bytes_max: resolved.get("memory_bytes_max", bytes_or_none)?,
            log: resolved.get("log", text)?,
            log_format: resolved.get("log_format", str::parse)?,
            limits: IntakeLimits {
                upload_bytes_max: resolved.get("upload_bytes_max", bytes)?,
                entries_max: resolved.get("entries_max", bytes)?,
                unpacked_bytes_max: resolved.get("unpacked_bytes_max", bytes)?,
                unpack_ratio_max: resolved.get("unpack_ratio_max", bytes)?,
                columns_max: resolved.get("columns_max", size)?,
                line_bytes_max: resolved.get("line_bytes_max", size)?,
            },
        })
    }
}

/// Certificate and key; one without the other is no TLS, and not what was meant.
fn tls(resolved: &Resolved) -> Result<Option<(PathBuf, PathBuf)>, SettingError> {
    let certificate = resolved.optional("tls_certificate", path)?;
    let key = resolved.optional("tls_key", path)?;
    let alone = |name, other| resolved.get(name, |_| Err(format!("must be set together with {other}")));
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => alone("tls_key", "tls_certificate"),
        (None, Some(_)) => alone("tls_certificate", "tls_key"),
    }
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must be a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// `auto` is one thread for each core the process may use.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    match text {
        "auto" => Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        _ => positive(text).map_err(|_| "must be auto or a whole number from 1 up".to_owned()),
    }
}

fn days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| *days > 0);
    days.ok_or_else(|| "must be a number of days above 0".to_owned())
}

fn positive(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "must be a whole number from 1 up".to_owned())
}

/// A lease must outlive some heartbeats, or a busy machine loses its own batches.
fn lease(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|ms| *ms >= 1_000).ok_or_else(|| "must be a whole number from 1000 up".to_owned())
}

/// Parted by commas; none when empty.
fn networks(text: &str) -> Result<Vec<Network>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
}

fn format(text: &str) -> Result<ResultFormat, String> {
    match text {
        "csv" => Ok(ResultFormat::Csv),
        "parquet" => Ok(ResultFormat::Parquet),
        _ => Err("must be csv or parquet".to_owned()),
    }
}

fn pii(text: &str) -> Result<PersonalDataMode, String> {
    match text {
        "mask" => Ok(PersonalDataMode::Mask),
        "show" => Ok(PersonalDataMode::Show),
        "drop" => Ok(PersonalDataMode::Drop),
        _ => Err("must be mask, show or drop".to_owned()),
    }
}

fn exit_code(text: &str) -> Result<u8, String> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        _ => Err("must be 0 or 1".to_owned()),
    }
}

/// A whole number from 1 up, with KiB, MiB, GiB or TiB behind it where that is wanted.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let unit = units.into_iter().find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let value = number.trim().parse::<u64>().ok().and_then(|value| value.checked_mul(1 << shift));
    value
        .filter(|value| *value > 0)
        .ok_or_else(|| "must be a whole number from 1 up, such as 65536 or 16MiB".to_owned())
}

/// As [`bytes`], or 0.
fn bytes_or_none(text: &str) -> Result<u64, String> {
    if text == "0" {
        Ok(0)
    } else {
        bytes(text).map_err(|_| "must be 0, or a whole number such as 65536 or 16MiB".to_owned())
    }
}

fn size(text: &str) -> Result<usize, String> {
    bytes(text).and_then(|value| usize::try_from(value).map_err(|_| "is too large for this machine".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, value: &str) -> Result<Settings, String> {
        let mut layers = Layers::default();
        layers.set_flag(name, value);
        Settings::parse(&layers.resolve().map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_crates() {
        let settings = Settings::parse(&Layers::default().resolve().unwrap()).unwrap();
        assert_eq!(settings.limits, IntakeLimits::default());
        assert_eq!(settings.explanations, None);
        assert_eq!(settings.rejected_exit_code, 1);
    }

    #[test]
    fn wrong_values_are_refused_with_name_and_origin() {
        for (name, value, message) in [
            ("threads", "0", "setting threads (command line): must be auto or a whole number from 1 up"),
            ("format", "xml", "setting format (command line): must be csv or parquet"),
            ("lease_ms", "5", "setting lease_ms (command line): must be a whole number from 1000 up"),
            ("explanations", "few", "setting explanations (command line): must be a number from 0 to 65535 or \"all\""),
            ("rejected_exit_code", "7", "setting rejected_exit_code (command line): must be 0 or 1"),
            ("pii", "hide", "setting pii (command line): must be mask, show or drop"),
            ("log_format", "xml", "setting log_format (command line): must be text or json"),
            (
                "line_bytes_max",
                "16 MB",
                "setting line_bytes_max (command line): must be a whole number from 1 up, such as 65536 or 16MiB",
            ),
            (
                "webhook_networks",
                "10.0.0.0/40",
                "setting webhook_networks (command line): must be networks such as 10.1.0.0/16 or fd00::/8, parted by commas",
            ),
            (
                "memory_bytes_max",
                "much",
                "setting memory_bytes_max (command line): must be 0, or a whole number such as 65536 or 16MiB",
            ),
            ("colour", "red", "command line: there is no setting colour; `bordereau config show` lists them"),
        ] {
            assert_eq!(parsed(name, value).map(|_| ()), Err(message.to_owned()), "{name}");
        }
    }

    #[test]
    fn sizes_take_binary_units() {
        for (value, expected) in [("16MiB", 16 << 20), ("2 GiB", 2 << 30), ("5", 5)] {
            assert_eq!(bytes(value), Ok(expected));
        }
        assert!(bytes("99999999999TiB").is_err());
    }
}
