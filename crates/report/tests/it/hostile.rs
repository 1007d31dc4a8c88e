//! Names and values of files that mean harm, or are merely odd.

use bordereau_profile::document::{Profile, Severity};
use proptest::prelude::*;

use crate::fixture::{alert, rich};

/// Puts a text wherever one of the upload can stand.
fn poisoned(text: &str) -> Profile {
    let mut profile = rich();
    let put = |place: &mut String| text.clone_into(place);
    put(&mut profile.upload.name);
    profile.upload.entries = vec![text.to_owned(); 2];
    profile.upload.notes = vec![text.to_owned()];
    profile.degraded = vec![text.to_owned()];
    for relation in &mut profile.relations {
        put(&mut relation.name);
        put(&mut relation.file);
        relation.delimiter = Some(text.to_owned());
        relation.assumed = vec![text.to_owned()];
        relation.empty_columns = vec![text.to_owned()];
        relation.candidate_keys.iter_mut().flat_map(|key| &mut key.columns).for_each(put);
        relation.correlations.iter_mut().flat_map(|found| &mut found.columns).for_each(put);
        relation.alerts = vec![alert(text, Severity::Error, text)];
        for column in &mut relation.columns {
            put(&mut column.name);
            let values = column.frequent.values.iter_mut().chain(&mut column.rarest);
            let values = values.chain(&mut column.typing.exceptions).chain(&mut column.strings.masks);
            values.for_each(|value| put(&mut value.value));
            column.nulls.spellings.iter_mut().for_each(|spelling| put(&mut spelling.text));
            column.strings.min = Some(text.to_owned());
            column.strings.max = Some(text.to_owned());
            column.alerts = vec![alert(text, Severity::Warning, text)];
        }
    }
    for link in &mut profile.links {
        put(&mut link.parent);
        put(&mut link.child);
        link.columns.iter_mut().chain(&mut link.child_columns).for_each(put);
    }
    for against in &mut profile.against {
        put(&mut against.solution);
        against.refusal = Some(text.to_owned());
        against.columns.iter_mut().for_each(|column| put(&mut column.name));
        against.rejected_rows.iter_mut().for_each(|row| put(&mut row.reason));
    }
    profile
}

/// The tags and attributes of a page, texts left out.
fn skeleton(page: &str) -> Vec<String> {
    let body = page.split_once("<body>").unwrap().1;
    let is_tag = |part: &str| part.split(['>', ' ']).next().unwrap_or_default().to_owned();
    body.split('<').skip(1).map(is_tag).collect()
}

#[test]
fn markup_in_names_and_values_is_text() {
    let calm = skeleton(&bordereau_report::html(&poisoned("calm")));
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style></svg></title>",
        "<!--",
        "]]>",
        "&lt;",
        "\u{202e}txt.exe\u{0}\u{1b}[31m\u{feff}",
        "",
    ] {
        let page = bordereau_report::html(&poisoned(text));
        assert!(skeleton(&page) == calm || text.is_empty(), "{text:?} changes the page");
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"));
        assert!(!page.contains(['\u{202e}', '\u{0}', '\u{1b}', '\u{feff}']));
        assert_eq!(page.matches("<script>").count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_text_changes_the_structure_of_the_page(text in "(?s:.){1,20}|[<>&\"'/=a-z -]{1,20}") {
        let calm = skeleton(&bordereau_report::html(&poisoned("calm")));
        prop_assert_eq!(skeleton(&bordereau_report::html(&poisoned(&text))), calm);
    }
}
