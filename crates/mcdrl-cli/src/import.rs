//! `mcdrl import`.

use std::path::PathBuf;

use clap::Args;
use mcdrl::data::{Imported, Layout, import};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::{counter, say, tell};

/// Write a dataset folder from a common layout.
#[derive(Args)]
pub struct Import {
    /// The layout: kvasir (also CVC-ClinicDB and others with `images` and `masks`), isic, busi, coco, labelme or nnunet.
    #[arg(long)]
    from: Layout,
    /// Its folder; for coco also its JSON file.
    source: PathBuf,
    /// The name of the site. Default: that of the layout.
    #[arg(long)]
    site: Option<String>,
    /// The folder to create; it must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

impl Import {
    pub fn run(self) -> Outcome {
        if !self.source.exists() {
            let shown = self.source.display();
            return Err(Failure::Failed(format!("{shown}: no such file or folder")));
        }
        let site = self.site.as_deref().unwrap_or(self.from.name());
        let imported =
            import(self.from, &self.source, site, &self.out, |all| counter("images", all))?;
        for warning in &imported.warnings {
            tell!("mcdrl: warning: {warning}");
        }
        let out = self.out.to_string_lossy();
        let Imported { site, classes, images, without_lesion, .. } = &imported;
        if self.json {
            let mut line = json!(imported);
            line["data"] = out.into();
            say!("{line}");
        } else {
            let classes = if classes.is_empty() { "lesion".into() } else { classes.join(", ") };
            let without = match without_lesion {
                Some(count) => format!(", {count} without a lesion"),
                None => String::new(),
            };
            say!("{out}: {images} images of the site {site}{without}; classes: {classes}");
            say!("check it with `mcdrl inspect {out}`");
        }
        Ok(())
    }
}
