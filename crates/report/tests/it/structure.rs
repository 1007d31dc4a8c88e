//! What the page holds.

use crate::fixture::{rich, wide};

#[test]
fn the_page_has_a_part_for_everything_and_the_same_bytes_each_time() {
    let profile = rich();
    let page = bordereau_report::html(&profile);
    assert_eq!(page, bordereau_report::html(&profile));
    let mut written = Vec::new();
    bordereau_report::write_html(&profile, &mut written).unwrap();
    assert_eq!(page.as_bytes(), written);
    for part in [
        "<html lang=\"en\">",
        "<h1 id=\"title\" class=\"v\">book-2023.zip</h1>",
        "<section id=\"alerts\"",
        "<section id=\"links\"",
        "<section id=\"against\"",
        "class=\"heat\"",
        "≈ 1,204 ±0.8 %",
        "href=\"#r1c5\"",
        "id=\"r1c5\"",
        "id=\"r2c3\"",
        "Histogram of annual_premium: 36 bins",
        "300 values are no number, such as “n. v.”",
        "likely e-mail addresses, masked",
        "2021-08 to 2021-10",
        "297,344",
        "prefers-color-scheme:dark",
        "@media print",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn nothing_is_loaded_and_only_the_inline_style_and_script_may_run() {
    let page = bordereau_report::html(&rich());
    for part in ["http:", "https:", "//cdn", "src=", "@import", "url(", "style=\"", " onclick", "javascript:"] {
        assert!(!page.contains(part), "{part}");
    }
    let policy = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"").unwrap().1;
    let policy = policy.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for (open, close, kind) in [("<style>", "</style>", "style-src"), ("<script>", "</script>", "script-src")] {
        use base64::Engine as _;
        use sha2::Digest as _;
        let inline = page.split_once(open).unwrap().1.split_once(close).unwrap().0;
        let digest = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(inline.as_bytes()));
        assert!(policy.contains(&format!("{kind} 'sha256-{digest}'")), "{kind}");
    }
}

#[test]
fn every_anchor_that_is_pointed_at_is_there_once() {
    let page = bordereau_report::html(&rich());
    for (at, _) in page.match_indices("href=\"#") {
        let anchor = page[at + 7..].split('"').next().unwrap();
        assert_eq!(page.matches(&format!(" id=\"{anchor}\"")).count(), 1, "{anchor}");
    }
}

#[test]
fn pictures_are_well_formed_and_say_what_they_show_or_are_hidden() {
    let page = bordereau_report::html(&rich());
    let mut pictures = 0;
    for (at, _) in page.match_indices("<svg") {
        let svg = &page[at..at + page[at..].find("</svg>").unwrap() + 6];
        let head = &svg[..svg.find('>').unwrap()];
        assert!(head.contains("aria-hidden=\"true\"") || head.contains("role=\"img\" aria-label=\""), "{head}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let mut reader = quick_xml::Reader::from_str(svg);
        while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
        pictures += 1;
    }
    assert!(pictures > 50, "{pictures}");
}

#[test]
fn small_shares_are_no_markup() {
    let page = bordereau_report::html(&rich());
    let body = page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    for (at, _) in body.match_indices('<') {
        let next = body[at + 1..].chars().next().unwrap();
        assert!(next.is_ascii_lowercase() || next == '/', "{}", &body[at..(at + 20).min(body.len())]);
    }
    assert!(body.contains("&lt;0.1 %"));
}

#[test]
fn a_thousand_columns_are_all_there_in_some_kilobytes_each() {
    let page = bordereau_report::html(&wide(1_000));
    assert_eq!(page.matches("<details class=\"col ").count(), 1_000);
    assert_eq!(page.matches("<tr class=\"h-").count(), 1_000);
    assert!(page.len() < 12_000_000, "{}", page.len());
    let page = bordereau_report::html(&wide(3_000));
    assert!(page.contains("most telling figures of each column, because there are so many"));
    assert_eq!(page.matches("<details class=\"col ").count(), 3_000);
}

/// The custom properties of one theme with a colour, by name.
fn colours(css: &str) -> std::collections::BTreeMap<String, [f64; 3]> {
    let declared = css.split(['{', ';', '}']).filter_map(|part| part.trim().strip_prefix("--")?.split_once(":#"));
    let channels = |hex: &str| {
        let wide: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
        let channel = |at: usize| f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0;
        [channel(0), channel(2), channel(4)]
    };
    declared.map(|(name, hex)| (name.to_owned(), channels(hex))).collect()
}

/// WCAG 2.2: relative luminance and contrast ratio.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (one, other) = (light(one), light(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn texts_and_pictures_have_enough_contrast_in_both_themes() {
    let css = include_str!("../../src/page/page.css");
    let (light, rest) = css.split_once("@media screen and (prefers-color-scheme:dark)").unwrap();
    let dark = rest.split_once("}}").unwrap().0;
    let texts = [
        ("ink", "page"),
        ("ink", "card"),
        ("mute", "page"),
        ("mute", "card"),
        ("link", "page"),
        ("link", "card"),
        ("err", "page"),
        ("err", "card"),
        ("warn", "page"),
        ("warn", "card"),
        ("info", "page"),
        ("info", "card"),
        ("ok", "card"),
        ("ink", "err-s"),
        ("ink", "warn-s"),
        ("ink", "info-s"),
        ("mute", "err-s"),
        ("mute", "warn-s"),
        ("mute", "info-s"),
        ("err", "err-s"),
        ("warn", "warn-s"),
        ("info", "info-s"),
        ("num-t", "num-s"),
        ("date-t", "date-s"),
        ("cat-t", "cat-s"),
        ("text-t", "text-s"),
    ];
    let pictures = [
        ("num", "card"),
        ("date", "card"),
        ("cat", "card"),
        ("text", "card"),
        ("gap", "card"),
        ("good", "card"),
        ("bad", "card"),
    ];
    for (theme, css) in [("light", light), ("dark", dark)] {
        let colours = colours(css);
        // The strongest correlations have four fifths of their colour over the page, and numbers upon it.
        for strong in ["plus", "minus"] {
            let mixed = |at: usize| 0.8 * colours[strong][at] + 0.2 * colours["page"][at];
            assert!(contrast(colours["ink"], [mixed(0), mixed(1), mixed(2)]) >= 4.5, "{theme}: {strong}");
        }
        for (pairs, least) in [(&texts[..], 4.5), (&pictures[..], 3.0)] {
            for (front, back) in pairs {
                let found = contrast(colours[*front], colours[*back]);
                assert!(found >= least, "{theme}: {front} on {back} has {found:.2}");
            }
        }
    }
}

#[test]
fn a_comparison_has_a_light_for_each_column_and_both_distributions() {
    use bordereau_profile::compare::{Side, compare};
    let (old, mut new) = (rich(), rich());
    new.upload.name = "<b>new".to_owned();
    for value in &mut new.relations[0].columns[2].frequent.values {
        value.value = format!("new <{}>", value.value);
    }
    let comparison = compare(&Side::of_profile(&old), &Side::of_profile(&new));
    let mut page = Vec::new();
    bordereau_report::write_comparison_html(&comparison, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("book-2023.zip → &lt;b&gt;new"));
    assert_eq!(page.matches("<details class=\"col\"").count(), 13);
    assert!(page.contains("<table class=\"bars both\">") && page.contains("✕</span> red"), "{page}");
    for (at, _) in page.match_indices("href=\"#") {
        let anchor = page[at + 7..].split('"').next().unwrap();
        assert_eq!(page.matches(&format!(" id=\"{anchor}\"")).count(), 1, "{anchor}");
    }
}
