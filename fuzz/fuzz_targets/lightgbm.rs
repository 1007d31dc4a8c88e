#![no_main]

use bordereau_fuzz::models::use_file;
use bordereau_model::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| use_file(Format::LightGbm, bytes));
