//! Imports from common layouts. What is written opens as a dataset, and its masks are right.

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use mcdrl_data::{Dataset, Error, Imported, Layout, import};
use serde_json::{Value, json};
use tempfile::TempDir;

const SIZE: [u32; 2] = [20, 16];

struct Source(TempDir);

impl Source {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join("source").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn image(&self, name: &str) {
        let [width, height] = SIZE;
        let seed = name.len() as u8;
        RgbImage::from_fn(width, height, |x, y| Rgb([10 * x as u8, 15 * y as u8, seed]))
            .save(self.path(name))
            .unwrap();
    }

    /// A mask whose first rows have a value.
    fn mask(&self, name: &str, rows: u32, value: u8) {
        let [width, height] = SIZE;
        let mask = |_, y| Luma([if y < rows { value } else { 0 }]);
        GrayImage::from_fn(width, height, mask).save(self.path(name)).unwrap();
    }

    fn json(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).unwrap();
    }

    fn import(&self, layout: Layout) -> Result<(Imported, Dataset), Error> {
        let (source, out) = (self.0.path().join("source"), self.0.path().join("out"));
        let imported = import(layout, &source, "here", &out, |_| |_| {})?;
        Ok((imported, Dataset::open(&out).unwrap()))
    }

    fn fails(&self, layout: Layout, words: &str) {
        let error = self.import(layout).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(!self.0.path().join("out").exists());
        let left = fs::read_dir(self.0.path()).unwrap().count();
        assert_eq!(left, 1, "something was left");
    }
}

/// How many pixels of each image have each class.
fn pixels(dataset: &Dataset) -> Vec<(String, Vec<usize>)> {
    let count = |sample: &mcdrl_data::Sample| {
        let mask = dataset.load(sample).unwrap().mask;
        let classes = 0..=dataset.profile.classes.len() as u8;
        let count = |class| mask.classes().iter().filter(|found| **found == class).count();
        (sample.name.clone(), classes.map(count).collect())
    };
    dataset.samples().map(count).collect()
}

fn of_one(name: &str, lesion: usize) -> (String, Vec<usize>) {
    (name.into(), vec![320 - lesion, lesion])
}

#[test]
fn kvasir_has_images_and_masks() {
    let source = Source::new();
    for name in ["a", "b"] {
        source.image(&format!("images/{name}.png"));
    }
    source.mask("masks/a.png", 2, 255);
    source.fails(Layout::Kvasir, "b.png");
    source.mask("masks/b.jpg", 0, 0);
    let (imported, dataset) = source.import(Layout::Kvasir).unwrap();
    assert_eq!((imported.images, imported.site.as_str()), (2, "here"));
    assert_eq!(pixels(&dataset), [of_one("a", 40), of_one("b", 0)]);
    let error = source.import(Layout::Kvasir).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
}

#[test]
fn isic_masks_lie_beside_their_images_or_apart() {
    let source = Source::new();
    source.image("data/ISIC_0000001.jpg");
    source.image("data/ISIC_0000002.jpg");
    source.image("data/ISIC_0000002_superpixels.png");
    source.mask("truth/ISIC_0000001_segmentation.png", 3, 255);
    source.mask("data/ISIC_0000002_Segmentation.png", 1, 255);
    let (_, dataset) = source.import(Layout::Isic).unwrap();
    assert_eq!(pixels(&dataset), [of_one("ISIC_0000001", 60), of_one("ISIC_0000002", 20)]);
}

#[test]
fn busi_masks_in_parts_are_merged() {
    let source = Source::new();
    source.image("benign/benign (1).png");
    source.mask("benign/benign (1)_mask.png", 1, 255);
    let part = GrayImage::from_fn(SIZE[0], SIZE[1], |_, y| Luma([if y > 13 { 255 } else { 0 }]));
    part.save(source.path("benign/benign (1)_mask_1.png")).unwrap();
    source.image("normal/normal (1).png");
    source.mask("normal/normal (1)_mask.png", 0, 0);
    let (_, dataset) = source.import(Layout::Busi).unwrap();
    assert_eq!(pixels(&dataset), [of_one("benign (1)", 60), of_one("normal (1)", 0)]);
}

#[test]
fn coco_outlines_and_run_lengths_are_drawn() {
    let source = Source::new();
    source.image("images/a.png");
    source.image("images/b.png");
    let whole = json!([[0, 0, 20, 0, 20, 16, 0, 16]]);
    let small = json!([[2, 2, 6, 2, 6, 5, 2, 5], [10, 10, 12, 10, 12, 12, 10, 12]]);
    let coco = json!({
        "images": [{ "id": 7, "file_name": "a.png" }, { "id": 8, "file_name": "elsewhere\\b.png" }],
        "categories": [{ "id": 20, "name": "cyst" }, { "id": 3, "name": "polyp" }],
        "annotations": [
            // The small area comes first, and stays visible.
            { "image_id": 7, "category_id": 20, "segmentation": small },
            { "image_id": 7, "category_id": 3, "segmentation": whole },
            { "image_id": 8, "category_id": 3, "segmentation": { "size": [16, 20], "counts": [16, 32, 272] } },
            { "image_id": 8, "category_id": 3, "bbox": [1, 1, 2, 2] },
            { "image_id": 8, "category_id": 3, "iscrowd": 1, "segmentation": { "size": [16, 20], "counts": [0, 320] } },
        ],
    });
    source.json("annotations/instances.json", &coco);
    let (imported, dataset) = source.import(Layout::Coco).unwrap();
    assert_eq!(imported.classes, ["polyp", "cyst"]);
    assert_eq!(imported.warnings.len(), 2);
    let expected = [("a".to_owned(), vec![0, 304, 16]), ("b".to_owned(), vec![288, 32, 0])];
    assert_eq!(pixels(&dataset), expected);
}

#[test]
fn wrong_coco_files_are_named() {
    let broken = |change: &dyn Fn(&mut Value), words: &str| {
        let source = Source::new();
        source.image("a.png");
        let mut coco = json!({
            "images": [{ "id": 1, "file_name": "a.png" }],
            "categories": [{ "id": 1, "name": "polyp" }],
            "annotations": [{ "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4]] }],
        });
        change(&mut coco);
        source.json("coco.json", &coco);
        source.fails(Layout::Coco, words);
    };
    broken(&|coco| coco["images"][0]["file_name"] = "none.png".into(), "none.png");
    broken(&|coco| coco["annotations"][0]["category_id"] = 5.into(), "category 5");
    broken(&|coco| coco["images"] = json!([]), "does not list");
    let image = json!({ "id": 1, "file_name": "a.png", "width": 16, "height": 20 });
    broken(&|coco| coco["images"][0] = image.clone(), "annotations are of 16×20");
    let wrapping = json!({ "size": [16, 20], "counts": [0, u64::MAX, 321] });
    broken(&|coco| coco["annotations"][0]["segmentation"] = wrapping.clone(), "another sum");
    broken(&|coco| *coco = json!({ "images": 1 }), "coco.json");
    let runs = json!({ "size": [4, 4], "counts": [16] });
    broken(&|coco| coco["annotations"][0]["segmentation"] = runs.clone(), "4×4");
    let packed = json!({ "size": [16, 20], "counts": "\u{7}" });
    broken(&|coco| coco["annotations"][0]["segmentation"] = packed.clone(), "damaged");
}

#[test]
fn labelme_shapes_are_drawn() {
    let source = Source::new();
    for name in ["a", "b", "c"] {
        source.image(&format!("{name}.png"));
    }
    let shape = |label: &str, kind: &str, points: Value| json!({ "label": label, "shape_type": kind, "points": points });
    let shapes = json!([
        shape("polyp", "rectangle", json!([[1, 1], [5, 4]])),
        shape("cyst", "polygon", json!([[10, 0], [14, 0], [14, 2], [10, 2]])),
        shape("cyst", "point", json!([[3, 3]])),
    ]);
    source.json("a.json", &json!({ "imagePath": "..\\photos\\a.png", "shapes": shapes }));
    source.json("b.json", &json!({ "shapes": [] }));
    let (imported, dataset) = source.import(Layout::Labelme).unwrap();
    assert_eq!(imported.classes, ["cyst", "polyp"]);
    assert_eq!((imported.without_lesion, imported.warnings.len()), (Some(2), 2));
    let expected = [("a", vec![300, 8, 12]), ("b", vec![320, 0, 0]), ("c", vec![320, 0, 0])];
    assert_eq!(pixels(&dataset), expected.map(|(name, counts)| (name.to_owned(), counts)));
}

#[test]
fn nnunet_labels_become_classes() {
    for (labels, value) in [
        (json!({ "background": 0, "polyp": 1, "cyst": 2 }), 2),
        (json!({ "0": "background", "1": "polyp", "2": "cyst" }), 2),
        (json!({ "background": 0, "polyp": 1, "cyst": 51 }), 51),
    ] {
        let source = Source::new();
        source.image("imagesTr/case_1_0000.png");
        source.mask("labelsTr/case_1.png", 2, value);
        source.json("dataset.json", &json!({ "labels": labels, "file_ending": ".png" }));
        let (imported, dataset) = source.import(Layout::Nnunet).unwrap();
        assert_eq!(imported.classes, ["polyp", "cyst"]);
        assert_eq!(pixels(&dataset), [("case_1".to_owned(), vec![280, 0, 40])]);
    }
    for labels in [json!({ "polyp": 1, "ignore": 2 }), json!({ "polyp": 1, "cyst": 1 })] {
        let source = Source::new();
        source.image("imagesTr/case_1_0000.png");
        source.mask("labelsTr/case_1.png", 2, 1);
        source.json("dataset.json", &json!({ "labels": labels }));
        source.fails(Layout::Nnunet, "label");
    }
    let source = Source::new();
    source.image("imagesTr/case_1_0000.png");
    source.image("imagesTr/case_1_0001.png");
    source.mask("labelsTr/case_1.png", 2, 1);
    source.json("dataset.json", &json!({ "labels": { "background": 0, "polyp": 1 } }));
    source.fails(Layout::Nnunet, "channels");
}

#[test]
fn images_are_copied_as_they_are() {
    let source = Source::new();
    source.image("images/a.png");
    source.mask("masks/a.png", 1, 255);
    source.import(Layout::Kvasir).unwrap();
    let copy = source.0.path().join("out/here/images/a.png");
    assert_eq!(fs::read(copy).unwrap(), fs::read(source.path("images/a.png")).unwrap());
    let error = import(Layout::Kvasir, Path::new("."), "../out", Path::new("x"), |_| |_| {});
    assert!(error.unwrap_err().to_string().contains("no name for a site"));
}
