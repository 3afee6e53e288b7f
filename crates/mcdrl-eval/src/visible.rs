//! Confounders that pictures show by nature: the presence on a list of images on which somebody saw them, or saw that they are not
//! there.

use std::collections::BTreeMap;
use std::path::Path;

use mcdrl_data::{Dataset, Sample};
use mcdrl_runtime::Segmenter;
use serde::{Deserialize, Serialize};

use crate::metrics::auroc;
use crate::{Error, Result};

/// Images in a forward pass.
const BATCH: usize = 8;

/// One line of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    confounder: String,
    site: String,
    image: String,
    visible: u8,
}

/// Which images show a confounder, and which do not.
#[derive(Clone, Debug)]
pub struct VisibleList {
    path: String,
    lines: Vec<Line>,
}

/// How well the presence of one confounder tells its images.
#[derive(Clone, Debug, Serialize)]
pub struct VisibleRow {
    /// The confounder's name.
    pub name: String,
    /// The number of images that show it.
    pub visible: usize,
    /// The number of images that do not.
    pub hidden: usize,
    /// Area under the ROC curve of its presence; `None` without images of both kinds.
    pub auroc: Option<f64>,
    /// Mean presence in the images that do not show it, and in those that do.
    pub presence: [f64; 2],
}

impl VisibleList {
    /// Reads a CSV file with the columns `confounder`, `site`, `image` (without extension) and `visible` (1 or 0).
    ///
    /// # Errors
    /// [`Error::List`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let list = Self { path: path.display().to_string(), lines: Vec::new() };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|e| list.error(&e))?;
        let lines = reader.deserialize().collect::<Result<Vec<Line>, _>>();
        let lines = lines.map_err(|e| list.error(&e))?;
        match lines.iter().find(|line| line.visible > 1) {
            Some(line) => {
                let text = format!("`visible` of `{}` is {}, not 0 or 1", line.image, line.visible);
                Err(list.error(&text))
            }
            None => Ok(Self { lines, ..list }),
        }
    }

    /// The presence of each listed confounder on its images.
    ///
    /// # Errors
    /// [`Error::List`] for a confounder that the model does not know or an image that is not among the samples. The first image
    /// that cannot be read or segmented.
    pub fn compare(
        &self,
        segmenter: &Segmenter,
        dataset: &Dataset,
        samples: &[Sample],
    ) -> Result<Vec<VisibleRow>> {
        let place = |name: &str| {
            let confounders = &segmenter.header().profile.confounders;
            let place = confounders.iter().position(|confounder| confounder.name == name);
            place.ok_or_else(|| self.error(&format!("the model knows no confounder `{name}`")))
        };
        let mut found: BTreeMap<usize, [Vec<f32>; 2]> = BTreeMap::new();
        for lines in self.lines.chunks(BATCH) {
            let mut images = Vec::with_capacity(BATCH);
            for line in lines {
                let is_named = |s: &&Sample| s.site == line.site && s.name == line.image;
                let sample = samples.iter().find(is_named).ok_or_else(|| {
                    self.error(&format!("there is no image {}/{}", line.site, line.image))
                })?;
                images.push(dataset.load(sample)?.image);
            }
            let pixels: Vec<_> = images.iter().collect();
            for (line, answer) in lines.iter().zip(segmenter.segment_batch(&pixels)?) {
                let index = place(&line.confounder)?;
                let presence = answer.confounders[index].presence;
                found.entry(index).or_default()[usize::from(line.visible)].push(presence);
            }
        }
        let mean = |values: &[f32]| {
            values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len().max(1) as f64
        };
        let rows = found.into_iter().map(|(index, [hidden, visible])| VisibleRow {
            name: segmenter.header().profile.confounders[index].name.clone(),
            visible: visible.len(),
            hidden: hidden.len(),
            auroc: auroc(&visible, &hidden),
            presence: [mean(&hidden), mean(&visible)],
        });
        Ok(rows.collect())
    }

    fn error(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::List { path: self.path.clone(), problem: problem.to_string() }
    }
}

impl VisibleRow {
    /// A table for a terminal: one line for each row.
    pub fn table(rows: &[Self]) -> String {
        let mut table =
            format!("{:<16}{:>9}{:>9}{:>9}   presence\n", "confounder", "visible", "not", "auroc");
        for row in rows {
            let [hidden, visible] = row.presence;
            let auroc = row.auroc.map_or("–".into(), |auroc| format!("{auroc:.3}"));
            table.push_str(&format!(
                "{:<16}{:>9}{:>9}{auroc:>9}   {hidden:.2} | {visible:.2}\n",
                row.name, row.visible, row.hidden
            ));
        }
        table
    }
}
