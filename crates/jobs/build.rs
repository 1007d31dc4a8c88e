//! Migrations are compiled into the crate; a new file among them must lead to a new build.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
