//! The reference uploads: each is read whole, as many rows as it is known to have, none ragged.

use bordereau_base::limits::IntakeLimits;
use bordereau_files::intake::Upload;
use std::path::{Path, PathBuf};

fn reference_data() -> PathBuf {
    match std::env::var_os("BORDEREAU_REFERENCE_DATA") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    }
}

#[test]
#[ignore = "needs the reference data"]
fn reference_uploads_are_read_whole() {
    for (upload, entries) in [
        ("msha_wc/msha_wc_upload.zip", [("insured.csv", 10, 53_746), ("class.csv", 4, 96_216)].as_slice()),
        (
            "pg16_fleet/pg16_fleet_upload.zip",
            &[("term.csv", 13, 33_487), ("unit.csv", 15, 87_228), ("claim.csv", 7, 4_568)],
        ),
    ] {
        let upload = Upload::open(&[reference_data().join(upload)], &IntakeLimits::default()).unwrap();
        assert!(upload.notes().is_empty());
        for (entry, (name, columns, rows)) in entries.iter().enumerate() {
            assert_eq!(upload.entries()[entry].name, *name);
            let mut read = upload.read(entry).unwrap();
            assert_eq!(read.header().len(), *columns);
            let mut count = 0;
            while let Some(block) = read.next_block().unwrap() {
                let raw = block.tokenize(&bordereau_files::intake::Projection::all(*columns)).unwrap();
                assert!(raw.ragged.is_empty() && raw.undecodable.is_empty());
                assert_eq!(raw.row_numbers.value(0), count as u64 + 2);
                count += raw.len();
            }
            assert_eq!((name, count), (name, *rows));
        }
    }
}
