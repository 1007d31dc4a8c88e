//! Says when the solutions inside the program have changed; without it a new file there would go unnoticed.

fn main() {
    println!("cargo:rerun-if-changed=../../solutions");
}
