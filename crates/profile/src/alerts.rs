//! Alerts: what a reader of a profile should look at, each with a stable code.
//!
//! [`Code`] lists them all with their severity, scope and rule; `docs/alerts.md` is written from it. The functions
//! judge parts of the finished document, so they can be called again on any profile: [`column()`] and [`relation()`],
//! [`links`] and [`upload`]. Order of alerts: most severe first, then in the order of the catalogue. Messages hold
//! figures and names of columns, never a value of the file.

mod catalogue;
mod column;
mod relation;
pub(crate) mod words;

pub use catalogue::{CATALOGUE, Code, Entry, Scope};
pub use column::{Basis, DateOrder, column};
pub use relation::{links, relation, upload};

use crate::document::{Alert, Severity};

/// Alerts in the order they are shown.
#[derive(Debug, Default)]
pub(crate) struct Alerts(Vec<(Severity, Code, Alert)>);

impl Alerts {
    /// Adds an alert.
    pub(crate) fn raise(&mut self, code: Code, message: String) {
        let entry = code.entry();
        let alert = Alert { code: entry.code.to_owned(), severity: entry.severity, message };
        self.0.push((entry.severity, code, alert));
    }

    /// Adds an alert when `holds`.
    pub(crate) fn raise_if(&mut self, holds: bool, code: Code, message: impl FnOnce() -> String) {
        if holds {
            self.raise(code, message());
        }
    }

    /// All of them, most severe first, then in the order of the catalogue.
    pub(crate) fn sorted(mut self) -> Vec<Alert> {
        self.0.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        self.0.into_iter().map(|(_, _, alert)| alert).collect()
    }
}
