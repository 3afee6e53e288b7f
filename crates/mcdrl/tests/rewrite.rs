#[test]
fn rewrite() {
    let m = mcdrl::Model::from_bytes(mcdrl::demo::MODEL, &mcdrl::Device::flex()).unwrap();
    let bytes = m.to_bytes(mcdrl::Precision::Half);
    std::fs::write("/tmp/w/demo-checked.safetensors", bytes).unwrap();
}
