//! What relations have to do with each other.

use bordereau_profile::document::{Children, Profile, RelationLink};

use super::facts::Facts;
use super::relation_id;
use crate::chart;
use crate::escape::Text;
use crate::number::{count, decimal};
use bordereau_base::figure::grouped;

/// The section; nothing when no two relations have to do with each other.
pub(crate) fn section(profile: &Profile) -> String {
    if profile.links.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section id=\"links\" aria-labelledby=\"links-h\"><h2 id=\"links-h\">Links between relations</h2><div class=\"pair\">",
    );
    profile.links.iter().for_each(|link| html.push_str(&one(profile, link)));
    html.push_str("</div></section>\n");
    html
}

fn one(profile: &Profile, link: &RelationLink) -> String {
    let anchor = |name: &str| {
        let at = profile.relations.iter().position(|relation| relation.name == name);
        let name = Text(name);
        at.map_or_else(|| name.to_string(), |at| format!("<a class=\"v\" href=\"#{}\">{name}</a>", relation_id(at)))
    };
    let times = if link.parent_is_unique { "1 : n" } else { "n : n" };
    let mut html = format!(
        "<article class=\"card\"><h3>{} <span class=\"arrow\" aria-hidden=\"true\">→</span><span class=\"hide\">has</span> {} \
         <small>{times}</small></h3><p class=\"quiet v\">{}</p>",
        anchor(&link.parent),
        anchor(&link.child),
        Text(&pairs(link))
    );
    let mut facts = Facts::default();
    facts
        .add("Orphans", format!("{} rows of {} without a parent", count(&link.orphans), link.child))
        .add("Childless", format!("{} rows of {} without a child", count(&link.childless), link.parent))
        .add("Children", children(&link.children));
    html.push_str(&facts.list());
    html.push_str(&distribution(&link.children));
    html.push_str("</article>");
    html
}

fn pairs(link: &RelationLink) -> String {
    let pair = |(parent, child): (&String, &String)| {
        if parent == child { parent.clone() } else { format!("{parent} = {child}") }
    };
    link.columns.iter().zip(&link.child_columns).map(pair).collect::<Vec<_>>().join(" + ")
}

fn children(children: &Children) -> String {
    let (min, mean, max) =
        (grouped(children.min), decimal((children.mean * 100.0).round() / 100.0), grouped(children.max));
    let sampled = if children.exact { "" } else { ", of a sample" };
    format!("{min} to {max} for each parent, {mean} on average{sampled}")
}

fn distribution(children: &Children) -> String {
    let most = children.distribution.iter().map(|(_, parents)| *parents).max().unwrap_or(0).max(1);
    let mut html = String::from("<table class=\"bars\"><caption>Parents by number of children</caption><tbody>");
    let last = children.distribution.len().saturating_sub(1);
    for (at, (number, parents)) in children.distribution.iter().enumerate() {
        let more = if at == last && *number < children.max { " and more" } else { "" };
        let bar = chart::meter(*parents as f64 / most as f64, "wide");
        let (number, parents) = (grouped(*number), grouped(*parents));
        put!(
            html,
            "<tr><th scope=\"row\" class=\"r\">{number}{more}</th><td>{bar}</td><td class=\"r\">{parents}</td></tr>"
        );
    }
    html.push_str("</tbody></table>");
    html
}
