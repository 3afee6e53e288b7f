//! Grey values: through the window or table that the file states, or else scaled by the bits that are used.

use dicom_dictionary_std::tags;
use image::RgbImage;

use super::color;
use super::dataset::{Dataset, numbers, word};
use super::lookup_table::LookupTable;
use super::samples::Samples;
use crate::depth::bits_of_detector;
use crate::{Note, Result};

/// Converts grey values or palette indices to RGB.
pub fn to_rgb(
    dataset: &Dataset,
    frame: usize,
    samples: &Samples,
    notes: &mut Vec<Note>,
) -> Result<RgbImage> {
    let photometric = dataset.photometric();
    if photometric == "PALETTE COLOR" {
        return color::from_palette(dataset, samples);
    }
    let is_inverted = photometric == "MONOCHROME1";
    let display = Display::of(dataset, frame, samples, notes)?;
    let grey = samples.values.iter().map(|value| {
        let byte = display.byte(*value);
        if is_inverted { 255 - byte } else { byte }
    });
    samples.picture(grey.flat_map(|byte| [byte; 3]).collect())
}

/// From a stored value to a grey.
struct Display {
    rescale: Rescale,
    step: Step,
}

/// From a stored value to a quantity, such as a density.
enum Rescale {
    Linear { slope: f64, intercept: f64 },
    Table(LookupTable),
}

/// From a quantity to a grey.
enum Step {
    Table(LookupTable),
    /// The standard's window, whose borders lie half a unit aside.
    Window {
        center: f64,
        width: f64,
    },
    /// A window whose borders are where they are said to be.
    Exact {
        low: f64,
        high: f64,
    },
    Sigmoid {
        center: f64,
        width: f64,
    },
}

impl Display {
    fn of(
        dataset: &Dataset,
        frame: usize,
        samples: &Samples,
        notes: &mut Vec<Note>,
    ) -> Result<Self> {
        let table = |sequence| match dataset.item(sequence) {
            Some(item) => LookupTable::read(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA),
            None => Ok(None),
        };
        let first = |group, tag| {
            dataset.of_frame(frame, group, |object| numbers(object, tag))?.first().copied()
        };
        let of_value = |tag| first(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tag);
        let rescale = match table(tags::MODALITY_LUT_SEQUENCE)? {
            Some(table) => Rescale::Table(table),
            None => Rescale::Linear {
                slope: of_value(tags::RESCALE_SLOPE).unwrap_or(1.0),
                intercept: of_value(tags::RESCALE_INTERCEPT).unwrap_or(0.0),
            },
        };
        let of_window = |tag| first(tags::FRAME_VOILUT_SEQUENCE, tag);
        let window = of_window(tags::WINDOW_CENTER).zip(of_window(tags::WINDOW_WIDTH));
        let function = dataset.of_frame(frame, tags::FRAME_VOILUT_SEQUENCE, |object| {
            word(object, tags::VOILUT_FUNCTION)
        });
        let function = function.unwrap_or_default();
        let step = match (window, table(tags::VOILUT_SEQUENCE)?) {
            (Some((center, width)), _) if width >= 1.0 && function != "LINEAR_EXACT" => {
                match function.as_str() {
                    "SIGMOID" => Step::Sigmoid { center, width },
                    _ => Step::Window { center, width },
                }
            }
            (Some((center, width)), _) if width > 0.0 => {
                Step::Exact { low: center - width / 2.0, high: center + width / 2.0 }
            }
            (_, Some(table)) => Step::Table(table),
            _ => Step::of_values(samples, &rescale, notes),
        };
        Ok(Self { rescale, step })
    }

    fn byte(&self, value: i64) -> u8 {
        let quantity = self.rescale.apply(value);
        let share = match &self.step {
            Step::Table(table) => return table.byte(quantity.round() as i64),
            Step::Window { width, center } if *width <= 1.0 => {
                f64::from(u8::from(quantity > center - 0.5))
            }
            Step::Window { center, width } => (quantity - (center - 0.5)) / (width - 1.0) + 0.5,
            Step::Exact { low, high } => (quantity - low) / (high - low).max(f64::MIN_POSITIVE),
            Step::Sigmoid { center, width } => {
                1.0 / (1.0 + (-4.0 * (quantity - center) / width).exp())
            }
        };
        (255.0 * share.clamp(0.0, 1.0)).round() as u8
    }
}

impl Rescale {
    fn apply(&self, value: i64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => slope * value as f64 + intercept,
            Self::Table(table) => f64::from(table.entry(value)),
        }
    }
}

impl Step {
    /// Without a window, from black to the largest number of the bits that are used. Signed values go from the least to the
    /// largest.
    fn of_values(samples: &Samples, rescale: &Rescale, notes: &mut Vec<Note>) -> Self {
        let largest = samples.values.iter().copied().max().unwrap_or(0);
        let least = samples.values.iter().copied().min().unwrap_or(0);
        let (low, high) = if samples.is_signed || least < 0 {
            (least, largest)
        } else {
            let used = bits_of_detector(largest as u64).min(samples.bits);
            if used < samples.bits {
                notes.push(Note::SignificantBits { bits: samples.bits, used });
            }
            (0, (1i64 << used) - 1)
        };
        let (low, high) = (rescale.apply(low), rescale.apply(high));
        Self::Exact { low: low.min(high), high: low.max(high) }
    }
}
