//! mcdrl
