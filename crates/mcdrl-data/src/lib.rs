//! mcdrl-data
