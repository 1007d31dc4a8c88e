//! Head and foot of the page, with its styles, its script and its content security policy.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bordereau_profile::document::{Profile, ProfileState};
use sha2::{Digest, Sha256};

use super::relation_id;
use crate::chart;
use crate::escape::Text;
use crate::number::percent;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Everything up to the first section of a page; `navigation` is markup.
pub(crate) fn opening(title: &str, navigation: &str) -> String {
    let style = format!("{}{STYLE}", chart::STYLE);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n<title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
         <nav class=\"bar\" aria-label=\"Sections\">{navigation}</nav>\n<main id=\"main\" tabindex=\"-1\">\n",
        source(&style),
        source(SCRIPT),
        Text(title)
    )
}

/// Everything after the last section of a page; `notes` are markup.
pub(crate) fn closing(notes: &str) -> String {
    format!("</main>\n<footer>{notes}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Everything up to the first section of a profile.
pub(crate) fn head(profile: &Profile) -> String {
    let mut html = opening(&format!("{} · profile", profile.upload.name), &navigation(profile));
    if profile.state == ProfileState::Preliminary {
        put!(
            html,
            "<p class=\"banner\" role=\"status\"><strong>Preliminary.</strong> This is what the first {} of the bytes say; \
             figures will change.</p>",
            Text(&percent(profile.share_read))
        );
    }
    html
}

fn navigation(profile: &Profile) -> String {
    let mut html = String::from("<ul><li><a href=\"#overview\">Overview</a></li>");
    let sections = [
        ("#alerts", "Alerts", true),
        ("#links", "Links", !profile.links.is_empty()),
        ("#against", "Solutions", !profile.against.is_empty()),
    ];
    for (place, name, _) in sections.iter().filter(|(_, _, is_there)| *is_there) {
        put!(html, "<li><a href=\"{place}\">{name}</a></li>");
    }
    html.push_str("</ul><ul class=\"rels\">");
    for (at, relation) in profile.relations.iter().enumerate() {
        put!(html, "<li><a href=\"#{}\">{}</a></li>", relation_id(at), Text(&relation.name));
    }
    html.push_str("</ul>");
    html
}

/// Everything after the last section of a profile.
pub(crate) fn foot(profile: &Profile) -> String {
    let digest = match profile.digest.as_str() {
        "" => String::new(),
        digest => format!("<p>Digest of this profile <code>{}</code></p>", Text(digest)),
    };
    closing(&format!(
        "<p>Made by bordereau from all that the file says, nothing else. Format <code>{}</code>.</p>{digest}\
         <p>≈ marks an estimate; ± is how far the true number may be off, as a share of it. A number without ≈ is exact.</p>",
        Text(&profile.format)
    ))
}

/// An inline text as a content security policy names it.
fn source(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}
