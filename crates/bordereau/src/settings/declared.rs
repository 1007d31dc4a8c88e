//! The table of settings, and its reference page.

use std::fmt::Write as _;

use bordereau_base::limits::IntakeLimits;
use bordereau_jobs::PaceLimits;

/// One setting: its name in the file, in `--set` and (in capitals behind `BORDEREAU_`) in the environment.
#[derive(Debug)]
pub struct Setting {
    /// Name, units last.
    pub name: &'static str,
    /// The value when nobody says otherwise, as text.
    pub default: fn() -> String,
    /// What it does, one or two sentences.
    pub meaning: &'static str,
}

impl Setting {
    /// The name of its environment variable.
    pub fn variable(&self) -> String {
        format!("BORDEREAU_{}", self.name.to_uppercase())
    }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: [Setting; 31] = [
    Setting {
        name: "data",
        default: || "bordereau-data".to_owned(),
        meaning: "Folder of the server: its store (SQLite), uploads and results.",
    },
    Setting {
        name: "listen",
        default: || "127.0.0.1:8080".to_owned(),
        meaning: "Address and port the server listens on. Port 0 takes a free one.",
    },
    Setting {
        name: "metrics_listen",
        default: String::new,
        meaning: "Address and port for `/metrics` (Prometheus), `/healthz` and `/readyz`, without credentials; for the \
                  operator's network only. When empty, there are none.",
    },
    Setting {
        name: "solutions",
        default: String::new,
        meaning: "Folder of further solution releases, laid out `<solution>/<version>/`. A release of the same name and \
                  version takes the place of the one inside the program.",
    },
    Setting {
        name: "threads",
        default: || "auto".to_owned(),
        meaning: "Worker threads of a batch or a profile; `auto` is one for each core. Results do not depend on it.",
    },
    Setting {
        name: "scratch",
        default: String::new,
        meaning: "Folder for scratch files. When empty: `scratch` in the data folder of a server, the system's temporary \
                  folder for `bordereau score`. Scratch files have no name and vanish with the process.",
    },
    Setting {
        name: "format",
        default: || "csv".to_owned(),
        meaning: "Format of the rows in the results of `bordereau score`: `csv` or `parquet`. A request to a server says its \
                  own (`?format=`).",
    },
    Setting {
        name: "explanations",
        default: String::new,
        meaning: "How many features explain a prediction in the results of `bordereau score`: a number, 0 for none, or \
                  `all`. When empty: as the release says. A request to a server says its own (`?explanations=`).",
    },
    Setting {
        name: "pii",
        default: || "mask".to_owned(),
        meaning: "What a profile does with values that are likely personal data: `mask` shows them as masks such as `AA-9999`, \
                  `show` as they are, `drop` leaves them out.",
    },
    Setting {
        name: "rejected_exit_code",
        default: || "1".to_owned(),
        meaning: "Exit code of `bordereau score` when some records were rejected: 1, or 0 where that is not an error.",
    },
    Setting {
        name: "batches_at_once",
        default: || "1".to_owned(),
        meaning: "Batches a server runs at the same time. Each uses `threads` threads.",
    },
    Setting {
        name: "lease_ms",
        default: || "30000".to_owned(),
        meaning: "How long a runner may be silent before another takes up its batch, in milliseconds.",
    },
    Setting {
        name: "tls_certificate",
        default: String::new,
        meaning: "PEM file with the certificate of the server, and behind it those it is signed by. With `tls_key` the \
                  server speaks TLS (https) only. Both are read again when they change, and on SIGHUP.",
    },
    Setting { name: "tls_key", default: String::new, meaning: "PEM file with the private key of `tls_certificate`." },
    Setting {
        name: "allow_plain_http",
        default: || "no".to_owned(),
        meaning: "Whether the server may listen without TLS on an address that is not a loopback address: `no`, or `yes` \
                  behind a proxy that speaks TLS. Passwords and books would else travel unencrypted.",
    },
    Setting {
        name: "trusted_proxies",
        default: String::new,
        meaning: "Networks of the proxies in front of the server, such as `10.1.0.0/16,127.0.0.1`. Only these are believed when \
                  `X-Forwarded-For` or `Forwarded` says who the client is, for failed logins and the audit log (see \
                  docs/access.md). When empty, the client is whoever connects.",
    },
    Setting {
        name: "requests_per_s",
        default: || PaceLimits::default().requests_per_s.to_string(),
        meaning: "Requests of a customer in a second, in the long run; more are answered 429. 0: as many as there are.",
    },
    Setting {
        name: "requests_burst",
        default: || PaceLimits::default().requests_burst.to_string(),
        meaning: "Requests of a customer at once, beyond `requests_per_s`.",
    },
    Setting {
        name: "failed_logins_free",
        default: || PaceLimits::default().failures_free.to_string(),
        meaning: "Wrong passwords of a name from an address before the next must wait, longer after each one (see \
                  docs/access.md). 0: never.",
    },
    Setting {
        name: "disk_free_bytes_min",
        default: || "512MiB".to_owned(),
        meaning: "Free bytes of the disk of the data folder below which no upload is taken (507); below half of that no batch is \
                  begun. 0: as long as there are any.",
    },
    Setting {
        name: "memory_bytes_max",
        default: || "0".to_owned(),
        meaning: "While the server holds more memory than this, no batch is begun beside one that runs. 0: no bound but \
                  `batches_at_once`.",
    },
    Setting {
        name: "webhook_networks",
        default: String::new,
        meaning: "Networks that webhooks may be sent to although they are not public, such as `10.1.0.0/16,127.0.0.1`; to these \
                  without TLS too. When empty, webhooks go by `https` to public addresses only.",
    },
    Setting {
        name: "retention_days",
        default: String::new,
        meaning: "Days for which a server keeps uploads and results after their batch has ended; `bordereau customer \
                  retention` says otherwise for one customer. When empty: for ever.",
    },
    Setting {
        name: "log",
        default: || "info".to_owned(),
        meaning: "Which log lines are written (to standard error): `error`, `warn`, `info`, `debug`, `trace`, or a filter \
                  such as `warn,bordereau_jobs=debug`.",
    },
    Setting { name: "log_format", default: || "text".to_owned(), meaning: "Form of log lines: `text` or `json`." },
    Setting {
        name: "upload_bytes_max",
        default: || IntakeLimits::default().upload_bytes_max.to_string(),
        meaning: "Largest upload as sent, in bytes (KiB, MiB, GiB and TiB are understood here and below).",
    },
    Setting {
        name: "entries_max",
        default: || IntakeLimits::default().entries_max.to_string(),
        meaning: "Most entries of a zip, ignored ones included.",
    },
    Setting {
        name: "unpacked_bytes_max",
        default: || IntakeLimits::default().unpacked_bytes_max.to_string(),
        meaning: "Most bytes of all entries together once unpacked, counted as they are unpacked.",
    },
    Setting {
        name: "unpack_ratio_max",
        default: || IntakeLimits::default().unpack_ratio_max.to_string(),
        meaning: "Most unpacked bytes for each packed byte of an entry, judged once it has given more than 16 MiB.",
    },
    Setting {
        name: "columns_max",
        default: || IntakeLimits::default().columns_max.to_string(),
        meaning: "Most columns of a relation.",
    },
    Setting {
        name: "line_bytes_max",
        default: || IntakeLimits::default().line_bytes_max.to_string(),
        meaning: "Longest row in bytes, its quoted newlines included.",
    },
];

/// The reference page of all settings, in Markdown. `docs/settings.md` is this text.
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\nThis page is generated: `bordereau config reference > docs/settings.md`.\n\nA value comes from the \
         default, then the file (`--config FILE`, or `BORDEREAU_CONFIG`, or `bordereau.toml` in the working folder), then \
         the environment, then the command line (its own flag, or `--set NAME=VALUE`); the last one that speaks wins. \
         `bordereau config show` prints each value with its origin.\n\n| setting | environment | default | meaning |\n| --- | \
         --- | --- | --- |\n",
    );
    for setting in &SETTINGS {
        let default = match (setting.default)().as_str() {
            "" => "(empty)".to_owned(),
            text => format!("`{text}`"),
        };
        let (name, variable, meaning) = (setting.name, setting.variable(), setting.meaning);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | `{variable}` | {default} | {meaning} |");
    }
    page
}

/// A settings file with every setting. `deploy/bordereau.toml` is this text.
pub fn example() -> String {
    let mut file = String::from(
        "# All settings of bordereau with their defaults. This file is generated:\n#\n#   bordereau config reference example > \
         deploy/bordereau.toml\n#\n# Take away the # before what you change. The environment and the command line go before \
         the file\n# (docs/settings.md).\n",
    );
    for setting in &SETTINGS {
        file.push('\n');
        let mut line = String::from("#");
        for word in setting.meaning.split_whitespace() {
            if line.len() + 1 + word.len() > EXAMPLE_CHARACTERS_MAX {
                let _ = writeln!(file, "{line}");
                line = String::from("#");
            }
            let _ = write!(line, " {word}");
        }
        // Writing to a String cannot fail.
        let _ = writeln!(file, "{line}\n# {} = {}", setting.name, toml::Value::String((setting.default)()));
    }
    file
}

/// Characters of a line of the example.
const EXAMPLE_CHARACTERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layers, Settings};

    /// Also with each setting taken in.
    #[test]
    fn the_example_is_the_generated_one_and_says_the_defaults() {
        let written = include_str!("../../../../deploy/bordereau.toml");
        assert_eq!(written, example(), "run `bordereau config reference example > deploy/bordereau.toml`");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bordereau.toml");
        let taken_in = |line: &str| match line.strip_prefix("# ") {
            Some(setting) if SETTINGS.iter().any(|one| setting.starts_with(&format!("{} = ", one.name))) => {
                setting.to_owned()
            }
            _ => line.to_owned(),
        };
        std::fs::write(&file, written.lines().map(taken_in).collect::<Vec<_>>().join("\n")).unwrap();
        let mut layers = Layers::default();
        layers.read_file(&file).unwrap();
        let (said, default) = (layers.resolve().unwrap(), Layers::default().resolve().unwrap());
        let texts = |resolved: &crate::settings::Resolved| {
            resolved.rows().map(|(name, text, _)| (name, text.to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(texts(&said), texts(&default));
        assert!(said.rows().all(|(.., origin)| matches!(origin, crate::settings::Origin::File(_))));
        Settings::parse(&said).unwrap();
    }

    #[test]
    fn the_page_in_docs_is_the_generated_one() {
        let written = include_str!("../../../../docs/settings.md");
        assert_eq!(written, reference(), "run `bordereau config reference > docs/settings.md`");
    }
}
