//! A profile as a page: one self-contained HTML document with SVG charts.
//!
//! [`html`] and [`write_html`] turn a [`Profile`] into a page, [`write_comparison_html`] a [`Comparison`]. A browser
//! shows it without a network: styles, the small script for searching and sorting, and all pictures are inside, and a
//! content security policy forbids anything else. The page is complete without the script. It is made part by part
//! (`page`), so that a profile of 10,000 columns needs the memory of one column; numbers are written by [`number`],
//! pictures drawn by [`chart`].
//!
//! Invariants: every text of the upload passes [`escape::Text`]; the same profile gives the same bytes. Nothing is
//! computed here beyond shares of what the profile says, and nothing is known of how it was made.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

/// Adds formatted text to a `String`, which cannot fail.
macro_rules! put {
    ($out:expr, $($argument:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($argument)*);
    }};
}

pub mod brief;
pub mod chart;
pub mod escape;
pub mod number;
mod page;

use std::convert::Infallible;
use std::io::{self, Write};

use bordereau_profile::compare::Comparison;
use bordereau_profile::document::Profile;

/// The page of a profile. For profiles of thousands of columns [`write_html`] needs less memory.
pub fn html(profile: &Profile) -> String {
    let mut text = String::new();
    let Ok(()) = page::parts(profile, &mut |part: &str| {
        text.push_str(part);
        Ok::<(), Infallible>(())
    });
    text
}

/// Writes the page of a profile, some kilobytes at a time.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_html(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    page::parts(profile, &mut |part: &str| out.write_all(part.as_bytes()))?;
    out.flush()
}

/// Writes the page of a comparison of two profiles.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_comparison_html(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    page::comparison::parts(comparison, &mut |part: &str| out.write_all(part.as_bytes()))?;
    out.flush()
}
