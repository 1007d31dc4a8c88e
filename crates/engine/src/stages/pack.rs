//! The results zip put together: outputs, explanations, errors, a page that says what is what, and the summary.
//!
//! The members come finished from the stages before; this one writes `README.txt` and `summary.json` and joins all of
//! them. The summary is the last member and is stored, so that it can be read without unpacking anything. Its digest
//! covers all members, itself without `digest` and `timings` included; see [`Summary::digest_over`].

mod readme;

use std::fs::File;

use bordereau_files::results::{Member, MemberDigest, Packed, Packing, write_zip};

use crate::batch::{BatchSpec, Options};
use crate::error::Result;
use crate::summary::Summary;

/// The members that hold rows.
#[derive(Debug)]
pub struct RowMembers {
    /// `outputs`, where the batch was scored.
    pub outputs: Option<Member>,
    /// `explanations`, where they were asked for.
    pub explanations: Option<Member>,
    /// `errors`.
    pub errors: Member,
}

/// Completes the summary with its digest and writes the zip to `out`.
///
/// # Errors
/// When scratch files cannot be read or `out` cannot be written.
pub fn pack(
    spec: &BatchSpec,
    options: &Options,
    rows: RowMembers,
    summary: &mut Summary,
    out: &File,
) -> Result<Packed> {
    let mut members: Vec<Member> = rows.outputs.into_iter().chain(rows.explanations).collect();
    members.push(rows.errors);
    let mut readme = Member::create("README.txt", Packing::Deflated, &options.scratch)?;
    readme.append_bytes(readme::text(spec, options, summary).as_bytes())?;
    members.push(readme);
    let digests: Vec<MemberDigest> = members.iter().map(Member::digest).collect();
    summary.digest = summary.digest_over(&digests)?;
    let mut last = Member::create("summary.json", Packing::Stored, &options.scratch)?;
    last.append_bytes(&summary.to_json()?)?;
    members.push(last);
    Ok(write_zip(out, &members)?)
}
