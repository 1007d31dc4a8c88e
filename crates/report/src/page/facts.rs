//! Lists of facts: a term and what is known.

use crate::escape::Text;

/// A definition list in the making; facts without text are left out.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    html: String,
}

impl Facts {
    /// Adds a fact; `text` is escaped.
    pub(crate) fn add(&mut self, term: &str, text: impl AsRef<str>) -> &mut Self {
        if !text.as_ref().is_empty() {
            put!(self.html, "<div><dt>{}</dt><dd>{}</dd></div>", Text(term), Text(text.as_ref()));
        }
        self
    }

    /// Adds a fact that was counted, when it was.
    pub(crate) fn counted(&mut self, term: &str, count: u64, of: u64) -> &mut Self {
        if count > 0 {
            let share = crate::number::share(count, of);
            self.add(term, format!("{} ({share})", bordereau_base::figure::grouped(count)));
        }
        self
    }

    /// The list under a heading; nothing when there are no facts.
    pub(crate) fn under(&self, heading: &str) -> String {
        if self.html.is_empty() {
            return String::new();
        }
        format!("<section class=\"facts\"><h5>{}</h5><dl>{}</dl></section>", Text(heading), self.html)
    }

    /// The list alone.
    pub(crate) fn list(&self) -> String {
        format!("<dl class=\"facts\">{}</dl>", self.html)
    }
}
