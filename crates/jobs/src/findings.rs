//! The findings of a finished batch, page by page.
//!
//! They are read from the results zip as a stream, so a page costs memory for itself alone, and time for what comes
//! before it and for the digest of the zip, as long as somebody waits for the answer. A cursor is the number of
//! findings that were gone through; results never change, so it stays good.

use std::sync::Arc;

use bordereau_base::finding::{FindingCode, Severity};
use bordereau_base::ids::{BatchKey, SolutionName, SubmissionName};
use bordereau_files::results::read::MemberRows;

use crate::account::Caller;
use crate::batch::BatchResults;
use crate::error::{Error, Result};
use crate::jobs::Jobs;

/// Which findings are wanted. [`Default`] is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingsRequest {
    /// Only those of this relation.
    pub relation: Option<String>,
    /// Only those of this field.
    pub field: Option<String>,
    /// Only those of this kind.
    pub code: Option<FindingCode>,
    /// Only those of this severity.
    pub severity: Option<Severity>,
    /// How many findings, wanted or not, were gone through before.
    pub after: u64,
}

/// A finding as the results have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingRow {
    /// The relation of the row.
    pub relation: String,
    /// The number of the row in its file; the header is row 1.
    pub row: u64,
    /// The fields of the record's key, as uploaded.
    pub key: Vec<(String, String)>,
    /// The field at fault; empty when the whole row is.
    pub field: String,
    /// The kind of fault.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// As uploaded.
    pub value: String,
    /// One sentence.
    pub message: String,
}

/// A page of findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingsPage {
    /// In the order of the results.
    pub findings: Vec<FindingRow>,
    /// Where the next page begins (`after`); none when this is the last one.
    pub next: Option<u64>,
}

/// The answer to a question for findings.
#[derive(Debug)]
pub enum BatchFindings {
    /// Here they are.
    Page(FindingsPage),
    /// There are none (yet), for the same reason that there are no results.
    Without(BatchResults),
}

impl Jobs {
    /// Findings of a batch, asked for under its solution and submission, at most `limit` of them.
    ///
    /// # Errors
    /// As [`Jobs::results`].
    pub async fn findings(
        &self,
        caller: &Caller,
        solution: &SolutionName,
        submission: &SubmissionName,
        key: BatchKey,
        request: FindingsRequest,
        limit: usize,
    ) -> Result<BatchFindings> {
        let results = match self.finished(caller, solution, submission, key).await? {
            Ok(results) => results,
            Err(without) => return Ok(BatchFindings::Without(without)),
        };
        let zip = self.open_file(&results.object, &results.sha256, "results file").await?;
        // Goes with this future, which the server drops when the client hangs up.
        let waiting = Arc::new(());
        let waited_for = Arc::downgrade(&waiting);
        let read = tokio::task::spawn_blocking(move || {
            let rows = MemberRows::open(zip, "errors")?.ok_or(Error::Stored("results zip"))?;
            page(rows, &request, limit.max(1), || waited_for.strong_count() > 0)
        });
        let page = read.await??;
        drop(waiting);
        Ok(BatchFindings::Page(page))
    }
}

/// A page of findings; not all of it once nobody waits for it any more.
fn page(
    mut rows: MemberRows,
    request: &FindingsRequest,
    limit: usize,
    is_waited_for: impl Fn() -> bool,
) -> Result<FindingsPage> {
    let columns = rows.columns().to_vec();
    let (mut page, mut row, mut gone) = (FindingsPage::default(), Vec::new(), 0);
    let mut after = request.after;
    while is_waited_for() && rows.next_row(&mut row)? {
        gone += 1;
        if gone <= request.after {
            continue;
        }
        let finding = finding(&columns, &row)?;
        if request.wants(&finding) {
            if page.findings.len() == limit {
                page.next = Some(after);
                break;
            }
            page.findings.push(finding);
            after = gone;
        }
    }
    Ok(page)
}

impl FindingsRequest {
    fn wants(&self, finding: &FindingRow) -> bool {
        self.relation.as_ref().is_none_or(|relation| *relation == finding.relation)
            && self.field.as_ref().is_none_or(|field| *field == finding.field)
            && self.code.is_none_or(|code| code.as_str() == finding.code)
            && self.severity.is_none_or(|severity| severity.as_str() == finding.severity)
    }
}

fn finding(columns: &[String], cells: &[String]) -> Result<FindingRow> {
    let mut finding = FindingRow::default();
    for (column, cell) in columns.iter().zip(cells) {
        match column.as_str() {
            "relation" => finding.relation.clone_from(cell),
            "row" => finding.row = cell.parse().map_err(|_| Error::Stored("row number"))?,
            "field" => finding.field.clone_from(cell),
            "code" => finding.code.clone_from(cell),
            "severity" => finding.severity.clone_from(cell),
            "value" => finding.value.clone_from(cell),
            "message" => finding.message.clone_from(cell),
            // No field of a key has the name of another column.
            _ => finding.key.push((column.clone(), cell.clone())),
        }
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bordereau_files::results::{Member, Packing, write_zip};

    use super::*;

    #[test]
    fn a_page_that_nobody_waits_for_any_more_is_given_up() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("results.zip");
        let mut member = Member::create("errors.csv", Packing::Stored, scratch.path()).unwrap();
        member.append_bytes(b"relation,row,field,code,severity,value,message\n").unwrap();
        for row in 2..1_000 {
            member.append_bytes(format!("Wage,{row},Pay,required,error,,is required\n").as_bytes()).unwrap();
        }
        write_zip(std::fs::File::create(&path).unwrap(), &[member]).unwrap();
        let asked = Cell::new(0);
        let read = |field: Option<&str>, waits: u64| {
            asked.set(0);
            let rows = MemberRows::open(std::fs::File::open(&path).unwrap(), "errors").unwrap().unwrap();
            let request = FindingsRequest { field: field.map(str::to_owned), ..FindingsRequest::default() };
            page(rows, &request, 3, || asked.replace(asked.get() + 1) < waits).unwrap()
        };
        let whole = read(None, u64::MAX);
        assert_eq!((whole.findings.len(), whole.next, asked.get()), (3, Some(3), 4));
        assert_eq!((read(Some("Other"), u64::MAX), asked.get()), (FindingsPage::default(), 999));
        assert_eq!((read(Some("Other"), 10), asked.get()), (FindingsPage::default(), 11));
    }
}
