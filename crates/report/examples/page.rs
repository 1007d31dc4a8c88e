//! Writes the page of a profile: of its JSON, or of one made by hand for looking at the page.
//!
//! `cargo run -p bordereau-report --example page -- OUT.html [PROFILE.json | COLUMNS]`
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod fixture;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let profile = match arguments.get(1) {
        None => fixture::rich(),
        Some(text) => match text.parse() {
            Ok(columns) => fixture::wide(columns),
            Err(_) => serde_json::from_slice(&std::fs::read(text)?)?,
        },
    };
    let mut out = std::io::BufWriter::new(std::fs::File::create(&arguments[0])?);
    bordereau_report::write_html(&profile, &mut out)
}
