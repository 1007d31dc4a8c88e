//! What is known while a profile is made: one line on a terminal, nothing elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use bordereau_profile::document::{ColumnProfile, Profile, RelationProfile};
use bordereau_profile::pass::Updates;
use bordereau_report::number::{bytes, percent};
use indicatif::{ProgressBar, ProgressStyle};

use bordereau_base::figure::grouped;

/// How often the line is told anew.
const UPDATES_EVERY: Duration = Duration::from_millis(500);
const TICK_EVERY: Duration = Duration::from_millis(120);

/// The line; it vanishes when it is dropped.
#[derive(Debug)]
pub struct Live {
    bar: Option<ProgressBar>,
}

impl Live {
    /// A line on standard error when that is a terminal.
    pub fn start(message: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let bar = ProgressBar::new(1_000);
        let style = ProgressStyle::with_template("{spinner} {bar:24} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(TICK_EVERY);
        Self { bar: Some(bar) }
    }

    /// Profiles of the rows seen so far are only worth making where they are shown.
    pub fn updates() -> Updates {
        if std::io::stderr().is_terminal() { Updates::Every(UPDATES_EVERY) } else { Updates::Full }
    }

    /// Says what is known so far.
    pub fn show(&self, profile: &Profile) {
        if let Some(bar) = &self.bar {
            bar.set_position((profile.share_read * 1_000.0) as u64);
            bar.set_message(sentence(profile));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn sentence(profile: &Profile) -> String {
    let rows: u64 = profile.relations.iter().map(|relation| relation.rows).sum();
    let columns = || profile.relations.iter().flat_map(|relation| &relation.columns);
    let in_relation = |relation: &RelationProfile| relation.alerts.len();
    let alerts = columns().map(|column: &ColumnProfile| column.alerts.len()).sum::<usize>()
        + profile.relations.iter().map(in_relation).sum::<usize>();
    let mut text = format!("{}, {} rows", percent(profile.share_read), grouped(rows));
    if let Some(elapsed_ms) = profile.timings.as_ref().map(|timings| timings.elapsed_ms).filter(|ms| *ms > 0) {
        let seen = profile.share_read * profile.upload.unpacked_bytes as f64;
        text.push_str(&format!(", {}/s", bytes((seen * 1e3 / elapsed_ms as f64) as u64)));
    }
    text.push_str(&format!("; {} columns, {alerts} alerts so far", columns().count()));
    text
}
