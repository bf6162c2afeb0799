//! Rebuilds when a migration changes: `embed_migrations!` does not see that by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
