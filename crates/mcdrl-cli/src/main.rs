//! mcdrl-cli
fn main() {}
