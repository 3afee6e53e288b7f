//! Self-contained HTML reports with embedded images and plots.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mcdrl_data::LabelledImage;
use mcdrl_image::{Image, Mask, TINT, class_color, overlay};
use mcdrl_runtime::{ConfounderWeight, Segmentation};

use crate::Result;
use crate::evaluate::Evaluation;
use crate::metrics::{CalibrationBin, Interval, ThresholdScore};
use crate::region_overlay::region_overlay;

const STYLE: &str = include_str!("report.css");

/// The notice at the head of every report.
const WARNING: &str = "A research demonstration, not for clinical use.";

/// Longer side of the images in a gallery, pixels.
const PICTURE: usize = 224;

/// One image in a gallery.
pub struct Exhibit<'a> {
    /// The title above it.
    pub title: String,
    /// The note below the title.
    pub note: String,
    /// The image with its mask, if the truth is known.
    pub truth: Option<&'a LabelledImage>,
    /// The image.
    pub image: &'a Image,
    /// The result.
    pub segmentation: &'a Segmentation,
}

/// A bar of [`Report::bars`].
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its length, 0..1.
    pub value: Interval,
}

/// An HTML page.
pub struct Report {
    body: String,
}

impl Report {
    /// A report with a title and a paragraph under it.
    pub fn new(title: &str, introduction: &str) -> Self {
        let body = format!(
            "<h1>{}</h1><p class=warning>{WARNING}</p><p>{}</p>",
            escape(title),
            escape(introduction)
        );
        Self { body }
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: &str) {
        let _ = write!(self.body, "<h2>{}</h2>", escape(text));
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = write!(self.body, "<p>{}</p>", escape(text));
    }

    /// Adds a table. The first row is the head, and the first column names the rows.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        self.body.push_str("<div class=scroll><table>");
        for (index, row) in rows.iter().enumerate() {
            self.body.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let tag = if index == 0 || column == 0 { "th" } else { "td" };
                let _ = write!(self.body, "<{tag}>{}</{tag}>", escape(cell));
            }
            self.body.push_str("</tr>");
        }
        self.body.push_str("</table></div>");
    }

    /// Adds the names of the classes with their colours.
    pub fn legend(&mut self, classes: &[String]) {
        self.body.push_str("<p class=legend>");
        for (value, class) in (1..).zip(classes) {
            let [red, green, blue] = class_color(value);
            let class = escape(class);
            let _ = write!(
                self.body,
                "<span><i style=\"background:rgb({red},{green},{blue})\"></i>{class}</span>"
            );
        }
        self.body.push_str("</p>");
    }

    /// Adds images with their truth, mask, region map and confounders.
    ///
    /// # Errors
    /// If an image cannot be encoded.
    pub fn gallery(&mut self, exhibits: &[Exhibit<'_>]) -> Result<()> {
        for exhibit in exhibits {
            let (width, height) = picture_size(exhibit.image);
            let shown = exhibit.image.resize(width, height);
            let drawn = |mask: &Mask| overlay(&shown, &mask.resize(width, height), TINT);
            let _ = write!(
                self.body,
                "<section><h3>{}</h3><p>{}</p><div class=row>",
                escape(&exhibit.title),
                escape(&exhibit.note)
            );
            self.figure("image", &shown)?;
            if let Some(truth) = exhibit.truth {
                self.figure("truth", &drawn(&truth.mask))?;
            }
            self.figure("mask", &drawn(&exhibit.segmentation.mask))?;
            self.figure("regions", &region_overlay(&shown, exhibit.segmentation))?;
            self.confounders(&exhibit.segmentation.confounders);
            self.body.push_str("</div></section>");
        }
        Ok(())
    }

    /// Adds an image and its true mask.
    ///
    /// # Errors
    /// If the image cannot be encoded.
    pub fn truth(&mut self, title: &str, note: &str, truth: &LabelledImage) -> Result<()> {
        let drawn = overlay(&truth.image, &truth.mask, TINT);
        self.pictures(title, note, &[("image", truth.image.clone()), ("truth", drawn)])
    }

    /// Adds pictures with their captions in one row.
    ///
    /// # Errors
    /// If a picture cannot be encoded.
    pub fn pictures(
        &mut self,
        title: &str,
        note: &str,
        pictures: &[(impl AsRef<str>, Image)],
    ) -> Result<()> {
        let (title, note) = (escape(title), escape(note));
        let title = if title.is_empty() { title } else { format!("<h3>{title}</h3>") };
        let _ = write!(self.body, "<section>{title}<p>{note}</p><div class=row>");
        for (caption, picture) in pictures {
            let (width, height) = picture_size(picture);
            self.figure(caption.as_ref(), &picture.resize(width, height))?;
        }
        self.body.push_str("</div></section>");
        Ok(())
    }

    fn figure(&mut self, caption: &str, image: &Image) -> Result<()> {
        let caption = escape(caption);
        let png = BASE64_STANDARD.encode(image.encode_png()?);
        let (width, height) = (image.width(), image.height());
        let _ = write!(
            self.body,
            "<figure><img alt=\"{caption}\" width={width} height={height} \
             src=\"data:image/png;base64,{png}\"><figcaption>{caption}</figcaption></figure>"
        );
        Ok(())
    }

    fn confounders(&mut self, confounders: &[ConfounderWeight]) {
        if confounders.is_empty() {
            return;
        }
        self.body.push_str("<figure class=bars><dl>");
        for confounder in confounders {
            let _ = write!(
                self.body,
                "<dt title=\"{}\">{}</dt><dd><i style=\"width:{:.1}%\"></i>{:.0} %</dd>",
                escape(&confounder.family),
                escape(&confounder.name),
                70.0 * confounder.presence,
                100.0 * confounder.presence
            );
        }
        self.body.push_str("</dl><figcaption>presence of confounders</figcaption></figure>");
    }

    /// Adds a plot of the Dice of every image: one strip of dots per site.
    pub fn dice_plot(&mut self, evaluation: &Evaluation) {
        const ROW: usize = 34;
        let height = evaluation.sites.len() * ROW + 30;
        let place = |dice: f64| 130.0 + 480.0 * dice;
        let _ = write!(
            self.body,
            "<figure><svg viewBox=\"0 0 640 {height}\" role=img aria-label=\"Dice of every image by \
             site\">"
        );
        for tenth in (0..=10).step_by(2) {
            let dice = f64::from(tenth) / 10.0;
            let (x, bottom) = (place(dice), height - 22);
            let _ = write!(
                self.body,
                "<line x1={x} x2={x} y1=4 y2={bottom} class=grid /><text x={x} y={} class=tick>\
                 {dice}</text>",
                height - 6
            );
        }
        for (row, site) in evaluation.sites.iter().enumerate() {
            let middle = row * ROW + ROW / 2;
            let name = escape(&site.name);
            let _ = write!(self.body, "<text x=120 y={} class=name>{name}</text>", middle + 4);
            let of_site = evaluation.images.iter().filter(|image| image.site == site.name);
            for (index, dice) in of_site.filter_map(|image| image.dice).enumerate() {
                // The golden ratio spreads the dots, so that dots of equal Dice do not hide each other.
                let spread = ((index as f64 * 0.618).fract() - 0.5) * 20.0;
                let (x, y) = (place(dice), middle as f64 + spread);
                let _ = write!(self.body, "<circle cx={x:.1} cy={y:.1} r=2 />");
            }
            if let Some(mean) = site.dice.mean {
                let x = place(mean);
                let (top, bottom) = (middle - 13, middle + 13);
                let _ = write!(self.body, "<line x1={x} x2={x} y1={top} y2={bottom} class=mean />");
            }
        }
        self.body.push_str(
            "</svg><figcaption>Dice of every image with a lesion; the bar is the mean\
             </figcaption></figure>",
        );
    }

    /// Adds bars with their intervals, from 0 to 1.
    pub fn bars(&mut self, caption: &str, bars: &[Bar]) {
        const ROW: usize = 26;
        let place = |value: f64| 150.0 + 440.0 * value.clamp(0.0, 1.0);
        let (height, caption) = (bars.len() * ROW + 8, escape(caption));
        let _ = write!(
            self.body,
            "<figure><svg viewBox=\"0 0 640 {height}\" role=img aria-label=\"{caption}\">"
        );
        for (row, bar) in bars.iter().enumerate() {
            let (top, middle) = (row * ROW + 6, row * ROW + 6 + (ROW - 8) / 2);
            let name = escape(&bar.name);
            let _ = write!(self.body, "<text x=140 y={} class=name>{name}</text>", middle + 4);
            let Some(mean) = bar.value.mean else { continue };
            let (left, width) = (place(0.0), place(mean) - place(0.0));
            let _ = write!(
                self.body,
                "<rect x={left} y={top} width={width:.1} height={} class=bar />\
                 <text x={:.1} y={} class=tick>{mean:.3}</text>",
                ROW - 8,
                place(1.0) + 26.0,
                middle + 4
            );
            if let Some([low, high]) = bar.value.interval {
                let (low, high) = (place(low), place(high));
                let _ = write!(
                    self.body,
                    "<line x1={low:.1} x2={high:.1} y1={middle} y2={middle} class=mean />"
                );
            }
        }
        let _ = write!(self.body, "</svg><figcaption>{caption}</figcaption></figure>");
    }

    /// Adds a plot of accuracy over confidence.
    pub fn reliability_plot(&mut self, bins: &[CalibrationBin]) {
        self.body.push_str(
            "<figure><svg viewBox=\"0 0 300 300\" class=small role=img aria-label=\"Accuracy over \
             confidence\"><line x1=30 y1=270 x2=280 y2=20 class=grid />",
        );
        for bin in bins {
            if let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) {
                let (x, y) = (30.0 + 250.0 * confidence, 270.0 - 250.0 * accuracy);
                let radius = 2.0 + (bin.count as f64).log10();
                let _ = write!(self.body, "<circle cx={x:.1} cy={y:.1} r={radius:.1} />");
            }
        }
        self.body.push_str(
            "<text x=30 y=288 class=tick>0</text><text x=280 y=288 class=tick>1</text>\
             <text x=155 y=288 class=tick>confidence</text><text x=20 y=24 class=tick>1</text></svg>\
             <figcaption>Reliability: on the diagonal, confidence equals accuracy; larger dots stand for more \
             pixels</figcaption></figure>",
        );
    }

    /// Adds a plot of sensitivity over the share of wrong alarms, a dot a threshold.
    pub fn roc_plot(&mut self, scores: &[ThresholdScore]) {
        self.body.push_str(
            "<figure><svg viewBox=\"0 0 300 300\" class=small role=img aria-label=\"ROC curve\">\
             <line x1=30 y1=270 x2=280 y2=20 class=grid />",
        );
        for score in scores {
            if let (Some(sensitivity), Some(specificity)) = (score.sensitivity, score.specificity) {
                let (x, y) = (280.0 - 250.0 * specificity, 270.0 - 250.0 * sensitivity);
                let threshold = score.threshold;
                let _ = write!(
                    self.body,
                    "<circle cx={x:.1} cy={y:.1} r=3><title>{threshold:.2}</title></circle>"
                );
            }
        }
        self.body.push_str(
            "<text x=30 y=288 class=tick>0</text><text x=280 y=288 class=tick>1</text>\
             <text x=155 y=288 class=tick>1 − specificity</text><text x=20 y=24 class=tick>1</text></svg>\
             <figcaption>ROC: sensitivity over wrong alarms, a dot a threshold</figcaption></figure>",
        );
    }

    /// The HTML page.
    pub fn to_html(&self, title: &str) -> String {
        format!(
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>{}</title>\
             <meta name=viewport content=\"width=device-width,initial-scale=1\">\
             <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'\"><style>{STYLE}</style></head><body><main>{}</main></body>\
             </html>\n",
            escape(title),
            self.body
        )
    }
}

fn picture_size(image: &Image) -> (usize, usize) {
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    ((width * PICTURE / longer).max(1), (height * PICTURE / longer).max(1))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
