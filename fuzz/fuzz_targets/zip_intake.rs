//! A zip is opened and all its entries are read.
#![no_main]

use std::fs::File;
use std::os::unix::fs::FileExt;

use bordereau_base::limits::IntakeLimits;
use bordereau_fuzz::intake::Upload;
use bordereau_fuzz::rows;
use libfuzzer_sys::fuzz_target;

const UNPACKED_BYTES_MAX: u64 = 1 << 20;

thread_local! {
    static FILE: File = tempfile::tempfile().expect("a file");
}

fuzz_target!(|bytes: &[u8]| {
    let file = FILE.with(|file| {
        file.set_len(0)?;
        file.write_all_at(bytes, 0)?;
        file.try_clone()
    });
    let Ok(upload) = Upload::open_zip(file.expect("the file takes bytes"), &limits()) else { return };
    assert!(upload.bytes_total() <= UNPACKED_BYTES_MAX);
    for (at, entry) in upload.entries().iter().enumerate() {
        assert!(!entry.name.contains(['/', '\\']), "{:?}", entry.name);
        let _ = rows::read(upload.read_in_blocks(at, 64 << 10));
    }
});

fn limits() -> IntakeLimits {
    IntakeLimits {
        upload_bytes_max: 1 << 20,
        entries_max: 20,
        unpacked_bytes_max: UNPACKED_BYTES_MAX,
        columns_max: 500,
        line_bytes_max: 64 << 10,
        ..IntakeLimits::default()
    }
}
