//! What an upload lacks of what a release needs, and what can be checked nevertheless.

use datafusion::physical_expr::utils::collect_columns;

use crate::release::layout::{KeySet, Layout};
use crate::release::{Release, Rule};
use crate::stages::validate::Judgement;
use crate::stages::validate::files::Found;
use crate::stages::validate::header::must_be_there;

/// The files of an upload as a release sees them, one for each relation of its dictionary.
#[derive(Debug)]
pub struct Seen(pub Vec<SeenFile>);

/// The file of one relation.
#[derive(Debug)]
pub enum SeenFile {
    /// There is none.
    NotSent,
    /// Its header could not be read.
    Unread,
    /// Its header was read.
    Header {
        /// Whether it has a column for each field.
        has: Vec<bool>,
        /// Columns that are no field, as they are shown.
        unknown: Vec<String>,
    },
}

impl Seen {
    /// What was found.
    pub fn new(release: &Release, found: &Found) -> Self {
        let mut seen: Vec<SeenFile> = release.dictionary.relations.iter().map(|_| SeenFile::NotSent).collect();
        found.unread.iter().for_each(|relation| seen[*relation] = SeenFile::Unread);
        for file in &found.files {
            let has = file.header.columns.iter().map(Option::is_some).collect();
            seen[file.relation] = SeenFile::Header { has, unknown: file.header.ignored.clone() };
        }
        Self(seen)
    }

    /// For an upload of which nothing is known.
    pub fn nothing(release: &Release) -> Self {
        Self(release.dictionary.relations.iter().map(|_| SeenFile::Unread).collect())
    }

    /// Whether the field has no column for a reason that makes the upload be refused.
    pub fn lacks(&self, release: &Release, relation: usize, field: usize) -> bool {
        let schema = &release.dictionary.relations[relation];
        match &self.0[relation] {
            SeenFile::NotSent => release.layout.relations[relation].required,
            SeenFile::Unread => true,
            SeenFile::Header { has, .. } => !has[field] && must_be_there(schema, &schema.fields[field]),
        }
    }
}

/// The parts of a release that can be checked on an upload. Nothing that the feature query reads is kept, and no texts.
#[derive(Debug)]
pub struct Checkable {
    layout: Layout,
    rules: Vec<Rule>,
}

impl Checkable {
    /// Everything where the upload lacks nothing. Otherwise rules, keys and references stay that need nothing of what
    /// is lacking, and rows are not led to their records: no record can be scored then.
    pub fn new(release: &Release, seen: &Seen) -> Self {
        let mut layout = release.layout.clone();
        for relation in &mut layout.relations {
            relation.read.clear();
            relation.texts.clear();
        }
        let mut rules = release.rules.clone();
        let lacks = |relation: usize, field: usize| seen.lacks(release, relation, field);
        let relations = || release.dictionary.relations.iter().enumerate();
        if relations().any(|(at, relation)| (0..relation.fields.len()).any(|field| lacks(at, field))) {
            rules
                .retain(|rule| !collect_columns(&rule.holds).iter().any(|column| lacks(rule.relation, column.index())));
            leave_out(&mut layout, |set| set.fields.iter().any(|field| lacks(set.relation, *field)));
        }
        Self { layout, rules }
    }

    /// How rows are judged by it.
    pub fn judgement<'a>(&'a self, release: &'a Release) -> Judgement<'a> {
        Judgement { dictionary: &release.dictionary, layout: &self.layout, rules: &self.rules }
    }
}

/// Leaves keys and references out for which something is lacking, and the ways to records.
fn leave_out(layout: &mut Layout, is_lacking: impl Fn(&KeySet) -> bool) {
    let lacking: Vec<bool> = layout.key_sets.iter().map(is_lacking).collect();
    for (set, lacking) in layout.key_sets.iter_mut().zip(&lacking) {
        set.unique &= !lacking;
    }
    layout.references.retain(|reference| !lacking[reference.child] && !lacking[reference.parent]);
    for reference in &mut layout.references {
        reference.leads_to_record = false;
    }
}
