//! Tells cargo that the program contains the migrations, so that a new file there is a reason to build it again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
