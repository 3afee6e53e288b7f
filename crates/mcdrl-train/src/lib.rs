//! mcdrl-train
