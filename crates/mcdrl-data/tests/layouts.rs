//! Datasets as people have them: names and values of masks, EXIF, groups, text files, and what inspection finds.

use std::path::{Path, PathBuf};

use mcdrl_data::{Dataset, hold_out_groups};
use mcdrl_image::{Image, Mask};
use tempfile::TempDir;

const WIDTH: usize = 24;
const HEIGHT: usize = 18;

/// A dataset folder that is filled by tests.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An image whose look depends on `seed`.
    fn image(&self, name: &str, seed: usize) {
        self.write(name, picture(WIDTH, HEIGHT, seed).encode_png().unwrap());
    }

    fn mask(&self, name: &str, mask: &Mask) {
        self.write(name, mask.encode_png().unwrap());
    }

    fn open(&self) -> Result<Dataset, String> {
        Dataset::open(self.path()).map_err(|error| error.to_string())
    }

    /// The mask of the only sample.
    fn load(&self) -> Result<Mask, String> {
        let dataset = self.open()?;
        let sample = dataset.samples().next().unwrap();
        Ok(dataset.load(sample).map_err(|error| error.to_string())?.mask)
    }
}

fn picture(width: usize, height: usize, seed: usize) -> Image {
    let pixel = |at: usize| {
        (((at / 3 % width) * (5 + seed) + (at / 3 / width) * 7 + at % 3 * 20) % 250) as u8
    };
    Image::from_rgb(width, height, (0..3 * width * height).map(pixel).collect()).unwrap()
}

/// A mask whose left `columns` have this value.
fn left(columns: usize, value: u8) -> Mask {
    let class = |at: usize| if at % WIDTH < columns { value } else { 0 };
    Mask::from_classes(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(class).collect()).unwrap()
}

fn encode(mask: &Mask, format: image::ImageFormat) -> Vec<u8> {
    let grey = image::GrayImage::from_raw(WIDTH as u32, HEIGHT as u32, mask.classes().to_vec());
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(grey.unwrap()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn masks_of_every_layout_are_found() {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff};
    let mask = left(8, 255);
    for (name, format) in [
        ("masks/a.png", Png),
        ("masks/a.jpg", Jpeg),
        ("masks/a.tif", Tiff),
        ("masks/a.PNG", Png),
        ("masks/a.gif", Gif),
        ("masks/a.bmp", Bmp),
        ("masks/a_segmentation.png", Png),
        ("masks/a_mask.png", Png),
        ("masks/A.png", Png),
        ("labels/a.png", Png),
    ] {
        let folder = Folder::new();
        folder.image("site/images/a.jpg", 1);
        let bytes = if format == Gif {
            let rgba = image::DynamicImage::from(
                image::GrayImage::from_raw(WIDTH as u32, HEIGHT as u32, mask.classes().to_vec())
                    .unwrap(),
            );
            let mut bytes = std::io::Cursor::new(Vec::new());
            rgba.to_rgba8().write_to(&mut bytes, Gif).unwrap();
            bytes.into_inner()
        } else {
            encode(&mask, format)
        };
        folder.write(&format!("site/{name}"), bytes);
        let found = folder.load().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, left(8, 1), "{name}");
    }
}

#[test]
fn several_masks_of_an_image_are_merged() {
    let folder = Folder::new();
    folder.image("busi/images/benign (1).png", 1);
    folder.mask("busi/masks/benign (1)_mask.png", &left(2, 255));
    folder.mask("busi/masks/benign (1)_mask_1.png", &left(6, 255));
    assert_eq!(folder.load().unwrap(), left(6, 1));
    folder.mask("busi/masks/benign (1).png", &left(6, 255));
    let error = folder.open().unwrap_err();
    assert!(error.contains("no image of this name"), "{error}");
}

#[test]
fn the_error_names_the_file_that_lies_beside() {
    let folder = Folder::new();
    folder.image("site/images/case7.png", 1);
    folder.mask("site/masks/case7_lesion_final.png", &left(2, 255));
    let error = folder.open().unwrap_err();
    assert!(error.contains("is missing") && error.contains("case7_lesion_final.png"), "{error}");
}

#[test]
fn names_are_compared_in_the_composed_form() {
    let folder = Folder::new();
    folder.image("site/images/Gro\u{308}\u{df}e-Jose\u{301}.png", 1);
    folder.mask("site/masks/Gr\u{f6}\u{df}e-Jos\u{e9}.png", &left(3, 255));
    assert_eq!(folder.load().unwrap(), left(3, 1));
}

#[cfg(unix)]
#[test]
fn names_in_latin_1_are_different_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    for kind in ["images", "masks"] {
        let parent = folder.path().join("site").join(kind);
        std::fs::create_dir_all(&parent).unwrap();
        for stem in [b"Gr\xf6\xdfe.png", b"Gr\xfc\xdfe.png"] {
            let bytes = match kind {
                "images" => picture(WIDTH, HEIGHT, 1).encode_png().unwrap(),
                _ => left(3, 255).encode_png().unwrap(),
            };
            std::fs::write(parent.join(OsStr::from_bytes(stem)), bytes).unwrap();
        }
    }
    let dataset = folder.open().unwrap();
    let names: Vec<&str> = dataset.samples().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, ["Größe", "Grüße"]);
    assert!(dataset.samples().all(|sample| dataset.load(sample).is_ok()));
}

#[test]
fn soft_masks_are_cut_at_the_middle_and_classes_are_kept() {
    let load = |mask: &Mask| {
        let folder = Folder::new();
        folder.image("site/images/a.png", 1);
        folder.mask("site/masks/a.png", mask);
        folder.load().unwrap()
    };
    // A smooth outline: 200 belongs to the lesion, 60 does not. Noise near 0 is background.
    let value = |at: usize| match at % WIDTH {
        0..=7 => 252,
        8 => 200,
        9 => 60,
        column => (column % 4) as u8,
    };
    let soft = Mask::from_classes(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(value).collect()).unwrap();
    assert_eq!(load(&soft), left(9, 1));
    // Areas of other values are lesions too, in a dataset of one class.
    let value = |at: usize| {
        if at % WIDTH < 8 {
            51
        } else if at % WIDTH < 16 {
            255
        } else {
            0
        }
    };
    let areas =
        Mask::from_classes(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(value).collect()).unwrap();
    assert_eq!(load(&areas), left(16, 1));
    assert_eq!(load(&left(5, 1)), left(5, 1));
}

#[test]
fn a_table_gives_values_their_classes() {
    let folder = Folder::new();
    folder.image("site/images/a.png", 1);
    folder.mask("site/masks/a.png", &left(4, 102));
    folder.write("dataset.toml", "classes = [\"polyp\", \"cyst\"]");
    let error = folder.load().unwrap_err();
    assert!(error.contains("the values 0, 102") && error.contains("[values]"), "{error}");
    let table = "classes = [\"polyp\", \"cyst\"]\n[values]\n0 = \"background\"\n102 = \"cyst\"\n";
    folder.write("dataset.toml", table);
    assert_eq!(folder.load().unwrap(), left(4, 2));
    folder.write("dataset.toml", "classes = [\"polyp\"]\n[values]\n0 = 0\n102 = \"tumour\"\n");
    let error = folder.load().unwrap_err();
    assert!(error.contains("no class `tumour`"), "{error}");
    // Colours.
    let rgb: Vec<u8> = (0..WIDTH * HEIGHT)
        .flat_map(|at| if at % WIDTH < 4 { [128, 0, 0] } else { [0; 3] })
        .collect();
    let colors = Image::from_rgb(WIDTH, HEIGHT, rgb).unwrap();
    folder.write("site/masks/a.png", colors.encode_png().unwrap());
    folder.write("dataset.toml", "classes = [\"polyp\", \"cyst\"]");
    let error = folder.load().unwrap_err();
    assert!(error.contains("#000000, #800000"), "{error}");
    let table =
        "classes = [\"polyp\", \"cyst\"]\n[values]\n\"#000000\" = 0\n\"#800000\" = \"cyst\"\n";
    folder.write("dataset.toml", table);
    assert_eq!(folder.load().unwrap(), left(4, 2));
}

#[test]
fn numbers_of_lesions_are_recognised() {
    let folder = Folder::new();
    folder.image("site/images/a.png", 1);
    let value = |at: usize| if at % WIDTH % 4 == 3 { 0 } else { 1 + (at % WIDTH / 4) as u8 };
    let instances =
        Mask::from_classes(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(value).collect()).unwrap();
    folder.mask("site/masks/a.png", &instances);
    folder.write("dataset.toml", "classes = [\"polyp\", \"cyst\"]");
    let error = folder.load().unwrap_err();
    assert!(error.contains("numbers of lesions"), "{error}");
}

/// A JPEG of a picture, with an EXIF orientation.
fn jpeg(image: &Image, orientation: u8) -> Vec<u8> {
    let rgb = image::RgbImage::from_raw(
        image.width() as u32,
        image.height() as u32,
        image.pixels().to_vec(),
    );
    let mut bytes = std::io::Cursor::new(Vec::new());
    rgb.unwrap().write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    let jpeg = bytes.into_inner();
    let tiff =
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], &[0; 6]]
            .concat();
    let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

#[test]
fn masks_on_the_raw_picture_are_turned() {
    // Orientation 6: the file is turned clockwise by a quarter. The sizes tell on what the mask was drawn.
    let folder = Folder::new();
    folder.write("site/images/a.jpg", jpeg(&picture(WIDTH, HEIGHT, 1), 6));
    folder.mask("site/masks/a.png", &left(6, 255));
    let dataset = folder.open().unwrap();
    let mask = dataset.load(dataset.samples().next().unwrap()).unwrap().mask;
    assert_eq!((mask.width(), mask.height()), (HEIGHT, WIDTH));
    // The left side of the mask is its top now.
    assert!(mask.classes()[..HEIGHT * 6].iter().all(|class| *class == 1));
    assert!(mask.classes()[HEIGHT * 6..].iter().all(|class| *class == 0));
    // Orientation 3: both fit. Without a statement the mask is upright, and there is a warning.
    folder.write("site/images/a.jpg", jpeg(&picture(WIDTH, HEIGHT, 1), 3));
    let dataset = folder.open().unwrap();
    assert_eq!(dataset.load(dataset.samples().next().unwrap()).unwrap().mask, left(6, 1));
    let warnings = dataset.warnings.take();
    assert!(warnings.len() == 1 && warnings[0].contains("EXIF"), "{warnings:?}");
    folder.write("dataset.toml", "masks_drawn_on = \"raw\"");
    let turned = folder.load().unwrap();
    assert!(
        turned
            .classes()
            .chunks_exact(WIDTH)
            .all(|row| row[..WIDTH - 6].iter().all(|c| *c == 0) && row[WIDTH - 1] == 1)
    );
}

#[test]
fn sizes_that_do_not_fit_are_explained() {
    let folder = Folder::new();
    folder.image("site/images/a.png", 1);
    let blank = |width: usize, height: usize| {
        Mask::from_classes(width, height, vec![1; width * height]).unwrap()
    };
    folder.mask("site/masks/a.png", &blank(HEIGHT, WIDTH));
    assert!(folder.load().unwrap_err().contains("transposed"));
    folder.mask("site/masks/a.png", &blank(WIDTH, HEIGHT - 5));
    assert!(folder.load().unwrap_err().contains("was cut"));
    folder.mask("site/masks/a.png", &blank(2 * WIDTH, 2 * HEIGHT));
    assert!(folder.load().unwrap_err().contains("resize_masks"));
    folder.write("dataset.toml", "resize_masks = true");
    assert_eq!(folder.load().unwrap(), blank(WIDTH, HEIGHT));
}

fn groups_of(names: &[&str], toml: &str) -> (Vec<String>, Vec<String>) {
    let folder = Folder::new();
    for (seed, name) in names.iter().enumerate() {
        folder.image(&format!("site/images/{name}.png"), seed);
        folder.mask(&format!("site/masks/{name}.png"), &left(4, 255));
    }
    folder.write("dataset.toml", toml);
    let dataset = folder.open().unwrap();
    let samples: Vec<_> = dataset.samples().cloned().collect();
    let split = hold_out_groups(&samples, 0.5, 3);
    assert!(!split.train.is_empty());
    (samples.into_iter().map(|sample| sample.group).collect(), dataset.warnings.take())
}

#[test]
fn names_without_a_number_before_the_last_are_no_groups() {
    for names in
        [["ISIC_0000000", "ISIC_0000001"], ["IMG_0001", "IMG_0002"], ["benign_1", "malignant_1"]]
    {
        assert_eq!(groups_of(&names, "").0, names);
    }
    let (groups, warnings) = groups_of(&["P00-0", "P00-1", "P01-0"], "");
    assert_eq!(groups, ["P00", "P00", "P01"]);
    assert!(warnings.is_empty());
    // A group must not hold a whole site.
    let (groups, warnings) = groups_of(&["seq1_1", "seq1_2"], "");
    assert_eq!(groups, ["seq1_1", "seq1_2"]);
    assert!(warnings[0].contains("groups.csv"), "{warnings:?}");
    let many: Vec<String> = (0..12).map(|at| format!("grade{}_{at}", at % 2)).collect();
    let (_, warnings) = groups_of(&many.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert!(warnings[0].contains("6 of 12"), "{warnings:?}");
    let (_, warnings) = groups_of(&["a1", "b2"], "groups = '^(x\\d)'");
    assert!(warnings[0].contains("does not match 2 of 2"), "{warnings:?}");
    let pattern = "groups = '^([a-z]+)\\d'";
    assert_eq!(groups_of(&["anna1x", "anna2y", "bob1"], pattern).0, ["anna", "anna", "bob"]);
}

#[test]
fn text_files_of_windows_are_read() {
    let folder = Folder::new();
    for name in ["a", "b"] {
        folder.image(&format!("site/images/{name}.png"), 1);
        folder.mask(&format!("site/masks/{name}.png"), &left(4, 255));
    }
    let text = "image;group\r\na.png;anna\r\nb;anna\r\n";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [&[0xff, 0xfe], wide.as_slice()].concat();
    for bytes in [text.as_bytes(), &[b"\xef\xbb\xbf", text.as_bytes()].concat(), &wide] {
        folder.write("site/groups.csv", bytes);
        let dataset = folder.open().unwrap();
        assert!(dataset.samples().all(|sample| sample.group == "anna"));
    }
    folder.write("dataset.toml", b"\xef\xbb\xbfclasses = [\"polyp\"]\r\n");
    assert_eq!(folder.open().unwrap().profile.classes, ["polyp"]);
}

#[test]
fn junk_is_skipped() {
    let folder = Folder::new();
    folder.image("site/images/a.png", 1);
    folder.mask("site/masks/a.png", &left(4, 255));
    folder.write("site/images/._a.png", b"\0\x05\x16\x07");
    folder.write("site/images/Thumbs.db", b"\xd0\xcf\x11\xe0");
    folder.write("site/images/empty.jpg", b"");
    folder.mask("site/masks/empty.png", &left(4, 255));
    folder.write("site/masks/._a.png", b"\0\x05\x16\x07");
    folder.write("__MACOSX/images/._a.png", b"\0\x05\x16\x07");
    let dataset = folder.open().unwrap();
    assert_eq!(dataset.samples().count(), 1);
    let warnings = dataset.warnings.take();
    assert!(warnings.len() == 1 && warnings[0].contains("empty"), "{warnings:?}");
}

#[test]
fn a_coloured_mask_after_jpeg_is_no_picture() {
    let folder = Folder::new();
    folder.image("site/images/a.png", 1);
    let color = |at: usize| if at % WIDTH < 12 { [128, 0, 0] } else { [0; 3] };
    let drawn = Image::from_rgb(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).flat_map(color).collect());
    folder.write("site/masks/a.jpg", jpeg(&drawn.unwrap(), 1));
    let (_, found) = Dataset::inspect(folder.path(), |_, _| {}).unwrap();
    assert!(!found.warnings.iter().any(|found| found.sentence.contains("picture")));
}

#[test]
fn inspection_names_every_fault() {
    let folder = Folder::new();
    let pair = |site: &str, name: &str, seed: usize| {
        folder.image(&format!("{site}/images/{name}.png"), seed);
        folder.mask(&format!("{site}/masks/{name}.png"), &left(4, 255));
    };
    (0..6).for_each(|seed| pair("good", &format!("ok{seed}"), seed));
    pair("bad", "fine", 9);
    folder.image("bad/images/lonely.png", 10);
    folder.mask("bad/masks/stray.png", &left(4, 255));
    pair("bad", "twice", 11);
    folder.image("bad/images/twice.jpg", 11);
    pair("bad", "small", 12);
    folder.mask("bad/masks/small.png", &Mask::from_classes(5, 5, vec![1; 25]).unwrap());
    pair("bad", "turned", 13);
    folder.mask(
        "bad/masks/turned.png",
        &Mask::from_classes(HEIGHT, WIDTH, vec![0; WIDTH * HEIGHT]).unwrap(),
    );
    pair("bad", "double-size", 14);
    folder.mask(
        "bad/masks/double-size.png",
        &Mask::from_classes(2 * WIDTH, 2 * HEIGHT, vec![0; 4 * WIDTH * HEIGHT]).unwrap(),
    );
    pair("bad", "cut", 15);
    let png = picture(WIDTH, HEIGHT, 15).encode_png().unwrap();
    folder.write("bad/images/cut.png", &png[..png.len() / 2]);
    pair("bad", "mask-cut", 16);
    folder.write("bad/masks/mask-cut.png", &png[..png.len() / 2]);
    pair("bad", "photo", 17);
    folder.write("bad/images/photo.png", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    pair("bad", "dicom", 18);
    folder.write("bad/images/dicom.png", [&[0; 128], b"DICM".as_slice()].concat());
    folder.write("bad/images/empty.png", b"");
    pair("bad", "inverted", 19);
    let inverse = |at: usize| u8::from(!(4..20).contains(&(at % WIDTH)) || at / WIDTH < 8) * 255;
    folder.mask(
        "bad/masks/inverted.png",
        &Mask::from_classes(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(inverse).collect()).unwrap(),
    );
    pair("bad", "exchanged", 20);
    folder.mask("bad/images/exchanged.png", &left(4, 255));
    pair("bad", "picture", 25);
    let exchanged = ["images", "masks"].map(|folder| format!("bad/{folder}/picture.png"));
    let [image, mask] = exchanged.map(|name| folder.path().join(name));
    std::fs::copy(image, mask).unwrap();
    pair("bad", "copy", 3);
    pair("bad", "exif", 21);
    std::fs::remove_file(folder.path().join("bad/images/exif.png")).unwrap();
    folder.write("bad/images/exif.jpg", jpeg(&picture(WIDTH, HEIGHT, 21), 3));
    folder.write("bad/groups.csv", "image,group\nfine,x\nnobody,y\n");
    folder.image("folder-without-images/pictures/a.png", 1);
    folder.write("bad/factors.json", "{");
    folder.write("dataset.toml", "clases = []");
    (0..3).for_each(|seed| pair("one", &format!("v1_{seed}"), 30 + seed));
    folder.write("few/images/readme.txt", "nothing");
    folder.write("few/masks/readme.txt", "nothing");

    let (_, found) = Dataset::inspect(folder.path(), |_, _| {}).unwrap();
    let findings = || found.faults.iter().chain(&found.warnings);
    let told = findings().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for words in [
        "lonely.png: its mask",
        "stray.png: there is no image",
        "same name; rename",
        "small.png: the mask has 5×5",
        "turned.png: the mask has 18×24",
        "looks transposed",
        "double-size.png",
        "cut.png: not a readable image",
        "mask-cut.png: not a readable image",
        "a HEIC photo",
        "a DICOM file",
        "empty.png: an empty file",
        "looks inverted",
        "looks like a mask",
        "looks like a picture",
        "good/ok3 are the same picture",
        "EXIF",
        "no image `nobody`",
        "no folder `images`",
        "factors.json",
        "clases",
        "all names begin with `v1`",
        "few/images: no jpg",
    ] {
        assert!(told.contains(words), "`{words}` is missing:\n{told}");
    }
    let about = |words: &str| {
        let finding = findings().find(|finding| finding.sentence.contains(words)).unwrap();
        finding.samples.iter().map(|sample| sample.label()).collect::<Vec<_>>()
    };
    assert_eq!(about("looks inverted"), ["bad/inverted"]);
    assert_eq!(about("are the same picture"), ["bad/copy", "good/ok3"]);
    assert_eq!(about("small.png: the mask has 5×5"), ["bad/small"]);
    assert_eq!(about("looks like a picture"), ["bad/picture"]);
    let good = &found.sites["good"];
    assert_eq!((good.images, good.with_lesion, good.groups), (6, 6, 6));
    assert_eq!(good.mask_values["255"], 6);
}
