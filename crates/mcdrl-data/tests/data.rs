//! Dataset folders, splits and augmentation.

use std::collections::BTreeSet;
use std::path::Path;

use mcdrl_data::{
    AugmentConfig, Dataset, LabelledImage, Sample, UNKNOWN_CLASS, hold_out_groups,
    leave_one_site_out,
};
use mcdrl_image::{Image, Mask};
use mcdrl_runtime::Preprocess;
use tempfile::TempDir;

/// An image with a gradient, grain and a round lesion.
fn labelled() -> LabelledImage {
    let inside = |x: i32, y: i32| (x - 36) * (x - 36) + (y - 28) * (y - 28) < 12 * 12;
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for (y, x) in (0..64).flat_map(|y| (0..64).map(move |x| (y, x))) {
        let grain = (7 * x + 13 * y + x * y) % 23;
        let lesion = i32::from(inside(x, y));
        pixels.extend([90 + x + grain + 40 * lesion, 60 + y + grain, 50 + grain].map(|v| v as u8));
        classes.push(lesion as u8);
    }
    let image = Image::from_rgb(64, 64, pixels).unwrap();
    LabelledImage { image, mask: Mask::from_classes(64, 64, classes).unwrap() }
}

fn write_site(data: &Path, site: &str, names: &[&str], mask_value: u8) {
    let folder = data.join(site);
    std::fs::create_dir_all(folder.join("images")).unwrap();
    std::fs::create_dir_all(folder.join("masks")).unwrap();
    let image = Image::from_rgb(8, 6, vec![90; 8 * 6 * 3]).unwrap();
    let mask = Mask::from_classes(8, 6, vec![mask_value; 8 * 6]).unwrap();
    for name in names {
        let file = |kind: &str| folder.join(kind).join(format!("{name}.png"));
        std::fs::write(file("images"), image.encode_png().unwrap()).unwrap();
        std::fs::write(file("masks"), mask.encode_png().unwrap()).unwrap();
    }
}

#[test]
fn folders_with_one_class_keep_a_known_class_or_become_unknown() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_site(&path("many"), "a", &["one"], 2);
    std::fs::write(path("many/dataset.toml"), "classes = [\"polyp\", \"cyst\"]").unwrap();
    write_site(&path("named"), "b", &["one"], 255);
    std::fs::write(path("named/dataset.toml"), "classes = [\"cyst\"]").unwrap();
    write_site(&path("plain"), "c", &["one"], 255);
    let dataset = Dataset::open_all(&[path("plain"), path("many"), path("named")]).unwrap();
    let value = |site: &str| {
        let sample = &dataset.site(site).unwrap().samples[0];
        dataset.load(sample).unwrap().mask.classes()[0]
    };
    assert_eq!((value("a"), value("b"), value("c")), (2, 2, UNKNOWN_CLASS));
    // Without a folder of several classes, each named class counts.
    write_site(&path("polyps"), "d", &["one"], 255);
    std::fs::write(path("polyps/dataset.toml"), "classes = [\"polyp\"]").unwrap();
    let dataset = Dataset::open_all(&[path("named"), path("polyps"), path("plain")]).unwrap();
    assert_eq!(dataset.profile.classes, ["cyst", "polyp"]);
    let value = |site: &str| {
        let sample = &dataset.site(site).unwrap().samples[0];
        dataset.load(sample).unwrap().mask.classes()[0]
    };
    assert_eq!((value("b"), value("d"), value("c")), (1, 2, UNKNOWN_CLASS));
    write_site(&path("clash"), "a", &["one"], 1);
    let error = Dataset::open_all(&[path("many"), path("clash")]).unwrap_err();
    assert!(error.to_string().contains("site `a`"), "{error}");
}

#[test]
fn groups_are_never_split() {
    let folder = TempDir::new().unwrap();
    let names = ["s1_01", "s1_02", "s1_03", "s2_01", "s2_02", "s3_01", "s4_01", "alone", "b_c"];
    write_site(folder.path(), "a", &names, 0);
    write_site(folder.path(), "b", &["x", "y", "z"], 0);
    let dataset = Dataset::open(folder.path()).unwrap();
    let all: Vec<Sample> = dataset.samples().cloned().collect();
    let groups = |samples: &[Sample]| -> BTreeSet<String> {
        samples.iter().map(|s| format!("{}/{}", s.site, s.group)).collect()
    };
    for seed in 0..20 {
        let split = hold_out_groups(&all, 0.4, seed);
        assert_eq!(split.train.len() + split.test.len(), all.len());
        assert!(groups(&split.train).is_disjoint(&groups(&split.test)));
        assert!(split.train.iter().any(|s| s.site == "a") && !split.test.is_empty());
    }
    let split = leave_one_site_out(&dataset, "b").unwrap();
    assert!(split.test.iter().all(|s| s.site == "b") && split.test.len() == 3);
    assert!(split.train.iter().all(|s| s.site == "a"));
    assert!(leave_one_site_out(&dataset, "c").is_err());
}

#[test]
fn groups_come_from_groups_csv() {
    let folder = TempDir::new().unwrap();
    write_site(folder.path(), "a", &["us_1", "us_2", "us_3"], 0);
    let list = folder.path().join("a/groups.csv");
    let groups = |text: &str| -> Result<Vec<String>, String> {
        std::fs::write(&list, text).unwrap();
        let dataset = Dataset::open(folder.path()).map_err(|error| error.to_string())?;
        Ok(dataset.samples().map(|sample| sample.group.clone()).collect())
    };
    let told = groups("image,group\nus_1,ann\nus_2.png,\"bo, b\"\n").unwrap();
    assert_eq!(told, ["ann", "bo, b", "us_3"]);
    assert_eq!(groups("\u{feff}group, image\r\nx, us_2\r\n").unwrap(), ["us_1", "x", "us_3"]);
    for (text, words) in [
        ("image,group\nus_1,a\nus_1,b\n", "`us_1` is listed twice"),
        ("image,group\nus_9,a\n", "no image `us_9`"),
        ("image,patient\nus_1,a\n", "group"),
        ("image,group\nus_1,\n", "has no group"),
        ("image,group\nus_1\n", "line: 2"),
    ] {
        let error = groups(text).unwrap_err();
        assert!(error.contains("groups.csv") && error.contains(words), "{error}");
    }
}

/// The augmented pixels and classes of a picture, with itself as the other one.
fn augmented(
    config: &AugmentConfig,
    sample: &LabelledImage,
    preprocess: &Preprocess,
    seed: u64,
) -> (Vec<f32>, Vec<u8>) {
    let scene = config.scene(sample, sample, seed);
    let view = config.view([scene.image.width(), scene.image.height()], preprocess, seed);
    (view.pixels(&scene.image), view.classes(&scene.mask))
}

#[test]
fn without_augmentation_a_view_is_the_image() {
    let sample = labelled();
    let preprocess = Preprocess::clip(64);
    let (pixels, classes) = augmented(&AugmentConfig::none(), &sample, &preprocess, 3);
    assert_eq!(classes, sample.mask.classes());
    for (a, b) in pixels.iter().zip(preprocess.values(&sample.image)) {
        assert!((a - b).abs() < 1e-3, "{a} and {b}");
    }
}

#[test]
fn without_augmentation_a_letterboxed_view_is_the_network_input() {
    let noise = |at: usize| (at * 7919 % 251) as u8;
    let image = Image::from_rgb(64, 48, (0..3 * 64 * 48).map(noise).collect()).unwrap();
    let mask = Mask::from_classes(64, 48, vec![1; 64 * 48]).unwrap();
    let preprocess = Preprocess::lite(64);
    let sample = LabelledImage { image, mask };
    let (pixels, classes) = augmented(&AugmentConfig::none(), &sample, &preprocess, 3);
    for (a, b) in pixels.iter().zip(preprocess.values(&sample.image)) {
        assert!((a - b).abs() < 1e-3, "{a} and {b}");
    }
    assert!(classes.iter().enumerate().all(|(at, c)| (*c == 1) == (8..56).contains(&(at / 64))));
}

#[test]
fn equal_seeds_give_equal_views_and_masks_follow_their_images() {
    let sample = labelled();
    let preprocess = Preprocess::clip(64);
    let config = AugmentConfig::default();
    let of = |seed| augmented(&config, &sample, &preprocess, seed);
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));

    // The image is white where the mask has a lesion. Both must still agree after the view, and so must a map.
    let lesion: Vec<u8> = sample.mask.classes().iter().map(|c| u8::from(*c != 0)).collect();
    let pixels = lesion.iter().flat_map(|lesion| [lesion * 255; 3]).collect();
    let map: Vec<f32> = lesion.iter().map(|lesion| f32::from(*lesion)).collect();
    let image = Image::from_rgb(64, 64, pixels).unwrap();
    for seed in 0..20 {
        let view = AugmentConfig::geometric().view([64, 64], &preprocess, seed);
        let (pixels, classes) = (view.pixels(&image), view.classes(&sample.mask));
        let middle = 0.5 / preprocess.std[0] - preprocess.mean[0] / preprocess.std[0];
        let agree = pixels.iter().zip(&classes).filter(|(p, c)| (**p > middle) == (**c != 0));
        assert!(agree.count() > 64 * 64 * 97 / 100);
        assert!(view.map(&map).iter().zip(&classes).all(|(v, c)| (*v > 0.5) == (*c != 0)));
    }
}

#[test]
fn other_light_changes_no_mask_and_keeps_black_corners_black() {
    let LabelledImage { image, mask } = labelled();
    let mut pixels = image.pixels().to_vec();
    pixels[..3 * 64 * 8].fill(0);
    let sample = LabelledImage { image: Image::from_rgb(64, 64, pixels).unwrap(), mask };
    let config = AugmentConfig { paste: 0.0, noise: 0.0, blur: 0.0, ..AugmentConfig::default() };
    for seed in 0..20 {
        let scene = config.scene(&sample, &labelled(), seed);
        assert_eq!(scene.mask.classes(), sample.mask.classes());
        assert_ne!(scene.image.pixels(), sample.image.pixels());
        assert!(scene.image.pixels()[..3 * 64 * 8].iter().all(|value| *value < 16), "{seed}");
    }
}

#[test]
fn a_pasted_lesion_is_small_and_has_its_mask() {
    let donor = labelled();
    let healthy = LabelledImage {
        image: Image::from_rgb(160, 120, vec![120; 3 * 160 * 120]).unwrap(),
        mask: Mask::from_classes(160, 120, vec![0; 160 * 120]).unwrap(),
    };
    let config = AugmentConfig { paste: 1.0, ..AugmentConfig::none() };
    for seed in 0..20 {
        let scene = config.scene(&healthy, &donor, seed);
        let lesion = scene.mask.classes().iter().filter(|class| **class == 1).count();
        let area = lesion as f32 / (160.0 * 120.0);
        assert!((0.005..0.05).contains(&area), "{area}");
        let changed = scene.image.pixels().chunks_exact(3).map(|rgb| rgb != [120; 3]);
        let outside = changed.zip(scene.mask.classes()).filter(|(new, class)| *new && **class == 0);
        assert!(outside.count() < 4 * lesion, "the rim is wider than the lesion");
    }
    // A lesion is never pasted over another one.
    let scene = config.scene(&donor, &donor, 1);
    let count = |sample: &LabelledImage| sample.mask.classes().iter().filter(|c| **c != 0).count();
    assert!(count(&scene) >= count(&donor));
}

#[test]
fn real_endoscopy_folders_open() {
    let beside = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../../shared/data/endoscopy");
    let data = std::env::var_os("MCDRL_SHARED_DATA");
    let data = data.map_or(beside, |data| Path::new(&data).join("endoscopy"));
    if !data.is_dir() {
        println!("skipped: {} does not exist; set MCDRL_SHARED_DATA", data.display());
        return;
    }
    let dataset = Dataset::open(&data).unwrap();
    let names: Vec<&str> = dataset.sites.iter().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["bkai", "clinicdb", "kvasir", "larynx"]);
    let groups: BTreeSet<&str> =
        dataset.site("clinicdb").unwrap().samples.iter().map(|s| s.group.as_str()).collect();
    assert!(groups.len() > 10 && groups.len() < 40, "{}", groups.len());
    let of_bkai = &dataset.site("bkai").unwrap().samples;
    let groups: BTreeSet<&str> = of_bkai.iter().map(|s| s.group.as_str()).collect();
    assert!(groups.len() > 1 && groups.len() < of_bkai.len(), "{}", groups.len());
    for site in &dataset.sites {
        let labelled = dataset.load(&site.samples[0]).unwrap();
        assert!(labelled.mask.classes().iter().all(|class| *class <= 1));
    }
}
