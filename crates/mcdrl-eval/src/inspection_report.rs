//! The report of a dataset: its sites, and what is wrong with it, with pictures.

use std::collections::BTreeMap;

use mcdrl_data::{Dataset, Inspection, Sample, SiteInspection, read_image};
use mcdrl_image::{Image, TINT, overlay};

use crate::Result;
use crate::report::Report;

/// At most so many findings have pictures, so that the report stays small.
const MOST_PICTURES: usize = 60;

/// The tables of a dataset, its faults and its warnings, with the pictures that they are about.
///
/// # Errors
/// If a picture cannot be encoded.
pub fn inspection_report(title: &str, dataset: &Dataset, found: &Inspection) -> Result<Report> {
    let mut report = Report::new(title, "What was found in the dataset folder.");
    report.heading("Sites");
    let mut rows =
        vec![row(["site", "images", "with a lesion", "groups", "held out", "of the frame"])];
    rows.extend(found.sites.iter().map(|(name, site)| {
        let shares = site.class_shares.iter();
        let shares = shares.map(|(class, share)| format!("{class} {:.1} %", 100.0 * share));
        row([
            name.as_str(),
            &site.images.to_string(),
            &site.with_lesion.to_string(),
            &site.groups.to_string(),
            &site.held_out.to_string(),
            &shares.collect::<Vec<_>>().join(", "),
        ])
    }));
    report.table(&rows);
    report.paragraph(
        "groups: patients or videos; a split never divides one. held out: what validation would take, if it takes a tenth. of the \
         frame: the mean share of an image that a class covers.",
    );
    for (name, findings) in [("Faults", &found.faults), ("Warnings", &found.warnings)] {
        report.heading(&format!("{name}: {}", findings.len()));
        let (single, general): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| !finding.samples.is_empty());
        let (shown, others) = single.split_at(single.len().min(MOST_PICTURES));
        for finding in shown {
            let pictures: Vec<_> =
                finding.samples.iter().flat_map(|sample| pictures(dataset, sample)).collect();
            report.pictures("", &finding.sentence, &pictures)?;
        }
        others.iter().chain(&general).for_each(|finding| report.paragraph(&finding.sentence));
    }
    report.heading("Values of the masks");
    report.table(&counted("value", &found.sites, |site| &site.mask_values));
    report.heading("Sizes of the images");
    report.table(&counted("size", &found.sites, |site| &site.sizes));
    Ok(report)
}

/// The image of a sample, and its mask over it or else the file of the mask. What cannot be read is left out.
fn pictures(dataset: &Dataset, sample: &Sample) -> Vec<(String, Image)> {
    let label = sample.label();
    if let Ok(labelled) = dataset.load(sample) {
        let drawn = overlay(&labelled.image, &labelled.mask, TINT);
        return vec![(label.clone(), labelled.image), (format!("{label}, its mask"), drawn)];
    }
    let image = read_image(&sample.image).ok().map(|image| (label.clone(), image));
    let masks = sample.masks.iter().filter_map(|path| read_image(path).ok());
    let masks = masks.map(|mask| (format!("{label}, the file of its mask"), mask));
    image.into_iter().chain(masks).collect()
}

/// A row for each site: the most frequent things, and in how many images each is.
fn counted(
    what: &str,
    sites: &BTreeMap<String, SiteInspection>,
    counts: impl Fn(&SiteInspection) -> &BTreeMap<String, usize>,
) -> Vec<Vec<String>> {
    const MOST: usize = 8;
    let mut rows = vec![row(["site", &format!("{what} (images)")])];
    for (name, site) in sites {
        let mut counts: Vec<_> = counts(site).iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let others = counts.len().saturating_sub(MOST);
        counts.truncate(MOST);
        let mut cell: Vec<String> =
            counts.iter().map(|(what, count)| format!("{what} ({count})")).collect();
        if others > 0 {
            cell.push(format!("and {others} others"));
        }
        rows.push(row([name, &cell.join(", ")]));
    }
    rows
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}
