//! Claims that customers contribute, and what their pool must hold in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::cast::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bordereau_base::digest::hex;
use bordereau_engine::contribution::rows;
use sha2::{Digest, Sha256};

use super::kills::files;
use super::receiver::contributed;
use super::zips::{Item, zip};

/// Contributions that each have half of their claims in common with their neighbours.
pub const COUNT: usize = 4;
const CLAIMS: usize = 4_000;

fn numbers(at: usize) -> Range<usize> {
    at * CLAIMS / 2..at * CLAIMS / 2 + CLAIMS
}

/// The zip of a contribution. It has a few claims that are rejected.
pub fn claims(at: usize) -> Vec<u8> {
    let mut text =
        "claim_number,date_of_injury,claim_type_code,medical_loss_paid,total_incurred,claim_adjuster\n".to_owned();
    for number in numbers(at) {
        text.push_str(&format!("{number},6/6/14,WC - Med Only,{}.5,{number},adjuster {at}\n", number % 977));
    }
    for number in 0..5 {
        text.push_str(&format!("bad-{number},no day at all,WC - Med Only,1,1,\n"));
    }
    zip(&[Item::deflated("claim.csv", &text)])
}

/// Holds the pool against what it must be: of each claim the row of the contribution that was accepted last. `accepted`
/// are the contributions in that order, with their keys. How many rows it has.
pub fn hold_pool(data: &Path, accepted: &[(usize, String)]) -> usize {
    let mut wanted = BTreeMap::new();
    for (at, key) in accepted {
        wanted.extend(numbers(*at).map(|number| (number.to_string(), (key.clone(), format!("adjuster {at}")))));
    }
    let lines = contributed(data);
    let mut found = BTreeMap::new();
    for line in &lines {
        let path = PathBuf::from(line["file"].as_str().unwrap());
        assert_eq!(hex(&Sha256::digest(std::fs::read(&path).unwrap())), line["sha256"].as_str().unwrap());
        for batch in rows::read(File::open(&path).unwrap()).unwrap() {
            let batch = batch.unwrap();
            let column = |name: &str| cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
            let columns = ["claim_number", "batch_key", "claim_adjuster"].map(column);
            let [numbers, keys, adjusters] = columns.each_ref().map(|column| column.as_string::<i32>());
            for row in 0..batch.num_rows() {
                let whose = (keys.value(row).to_owned(), adjusters.value(row).to_owned());
                assert_eq!(line["batchKey"].as_str(), Some(whose.0.as_str()));
                let number = numbers.value(row).to_owned();
                assert_eq!(found.insert(number.clone(), whose), None, "claim {number} is there twice");
            }
        }
    }
    assert_eq!(found.len(), wanted.len(), "claims are missing, or there are too many");
    for (number, whose) in &wanted {
        assert_eq!(found.get(number), Some(whose), "claim {number} is of another contribution");
    }
    let named: BTreeSet<String> = lines.iter().map(|line| line["file"].as_str().unwrap().to_owned()).collect();
    let lying: BTreeSet<String> = files(&data.join("objects/contributions")).into_iter().collect();
    assert_eq!(lying, named, "rows that nothing names are left over");
    assert_eq!(files(&data.join("objects/contribution-keys")).len(), lines.len(), "one file of keys each");
    found.len()
}
