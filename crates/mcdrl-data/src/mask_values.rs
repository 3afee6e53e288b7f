//! What the values of a mask file mean.

use std::collections::{BTreeMap, BTreeSet};

use mcdrl_image::{Components, Mask, MaskFile, MaskValue};

/// The table `[values]` of `dataset.toml`: the class of each value; 0 is the background.
pub type ValueTable = BTreeMap<MaskValue, u8>;

/// A value from which a pixel of a soft mask is foreground. Masks become soft by JPEG and by smooth scaling.
const FOREGROUND: u16 = 128;

/// Values this near to 0 and 255 are noise of JPEG.
const NOISE: u16 = 40;

/// A mask that was drawn has at most as many values.
const MOST_DRAWN: usize = 16;

/// More values than this are not tested for being numbers of lesions.
const MOST_INSTANCES: usize = 64;

/// A mask with a value that has no meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaningless {
    /// The first such value.
    pub value: MaskValue,
    /// Whether each value but 0 is one connected part: a number of a lesion instead of a class.
    pub instances: bool,
}

/// Gives each pixel of a mask file its class.
///
/// - `table`: wins over the rules below
/// - `single_class`: the class of all that is not background, in a dataset of one class
/// - `classes`: the number of classes
///
/// # Errors
/// If the table or the classes do not name a value.
pub fn classes_of(
    file: &MaskFile,
    table: &ValueTable,
    single_class: Option<u8>,
    classes: usize,
) -> Result<Mask, Meaningless> {
    let counts = file.counts();
    let class = |value: MaskValue| -> Option<u8> {
        if !table.is_empty() {
            return table.get(&value).or_else(|| table.get(&color_of(file, value)?)).copied();
        }
        match value {
            MaskValue::Index(index) if usize::from(index) <= classes => Some(index as u8),
            _ => None,
        }
    };
    if table.is_empty()
        && let Some(lesion) = single_class
    {
        let is_lesion = foreground(file, &counts);
        return Ok(file.classes(|value| if is_lesion(value) { lesion } else { 0 }));
    }
    if let Some(value) = counts.keys().copied().find(|value| class(*value).is_none()) {
        let instances =
            (4..=MOST_INSTANCES).contains(&counts.len()) && are_instances(file, &counts);
        return Err(Meaningless { value, instances });
    }
    let lesion = |class: u8| if class == 0 { 0 } else { single_class.unwrap_or(class) };
    Ok(file.classes(|value| lesion(class(value).expect("every value was checked"))))
}

/// The colour of an index in the palette of its file.
fn color_of(file: &MaskFile, value: MaskValue) -> Option<MaskValue> {
    let MaskValue::Index(index) = value else { return None };
    file.palette()?.get(usize::from(index)).copied().map(MaskValue::Color)
}

/// Which values of a mask with one class are the lesion: all but 0, or those above the middle if the mask is soft. In a mask with
/// a palette or with colours, what is not black.
fn foreground(file: &MaskFile, counts: &BTreeMap<MaskValue, usize>) -> impl Fn(MaskValue) -> bool {
    let black_index = match file.palette() {
        // Without black at 0, the colours decide.
        Some(palette) if palette.first() != Some(&[0; 3]) => {
            let is_black = |index: &usize| palette[*index] == [0; 3];
            Some((0..palette.len()).filter(is_black).map(|index| index as u16).collect())
        }
        _ => None::<BTreeSet<u16>>,
    };
    let is_soft = file.palette().is_none() && is_soft(file, counts);
    // A drawing has few colours. More are the noise of JPEG.
    let is_noisy = counts.len() > MOST_DRAWN;
    move |value| match value {
        MaskValue::Color(color) if is_noisy => {
            color.iter().any(|value| u16::from(*value) >= FOREGROUND)
        }
        MaskValue::Color(color) => color != [0; 3],
        MaskValue::Index(index) => match &black_index {
            Some(black) if !black.is_empty() => !black.contains(&index),
            _ if is_soft => index >= FOREGROUND,
            _ => index != 0,
        },
    }
}

/// Whether a mask was 0 and 255 before it went through JPEG or smooth scaling: values between them lie on the outlines alone.
fn is_soft(file: &MaskFile, counts: &BTreeMap<MaskValue, usize>) -> bool {
    let index = |value: &MaskValue| match value {
        MaskValue::Index(index) => Some(*index),
        MaskValue::Color(_) => None,
    };
    let Some(values) = counts.keys().map(index).collect::<Option<Vec<_>>>() else { return false };
    let is_between = |value: u16| (NOISE..=255 - NOISE).contains(&value);
    let has_ends = values.iter().all(|value| *value <= 255) && values.last() > Some(&(255 - NOISE));
    let is_exact = values.iter().all(|value| [0, 255].contains(value));
    if !has_ends || is_exact {
        return false;
    }
    if values.iter().filter(|value| is_between(**value)).count() > MOST_DRAWN {
        return true;
    }
    let pixels = file.values();
    let (width, height) = (file.width(), file.height());
    let at = |x: usize, y: usize| index(&pixels[y * width + x]).unwrap_or_default();
    // An area of one value between the ends is a class of its own.
    let is_area = |x: usize, y: usize| {
        let value = at(x, y);
        is_between(value) && (y - 1..=y + 1).all(|y| (x - 1..=x + 1).all(|x| at(x, y) == value))
    };
    let mut inner = (1..height.max(2) - 1).flat_map(|y| (1..width.max(2) - 1).map(move |x| (x, y)));
    !inner.any(|(x, y)| is_area(x, y))
}

/// Whether a mask file holds a picture. In a mask, even after JPEG, a few values have most of the pixels.
pub fn looks_like_picture(file: &MaskFile, counts: &BTreeMap<MaskValue, usize>) -> bool {
    let mut pixels: Vec<usize> = counts.values().copied().collect();
    pixels.sort_unstable_by(|a, b| b.cmp(a));
    let all: usize = pixels.iter().sum();
    let frequent: usize = pixels.iter().take(MOST_DRAWN).sum();
    file.palette().is_none() && 2 * frequent < all
}

/// Whether the pixels of each value but 0 are one connected part.
fn are_instances(file: &MaskFile, counts: &BTreeMap<MaskValue, usize>) -> bool {
    let mut values = counts.keys().filter(|value| **value != MaskValue::Index(0));
    values.all(|value| {
        let of_value = file.classes(|other| u8::from(other == *value));
        Components::of(&of_value).parts.len() == 1
    })
}
