//! The embedded demonstration: a small model and sample images. A research demonstration, not for clinical use.

/// The model file. Its provenance names the training data.
pub const MODEL: &[u8] = include_bytes!("../assets/demo.safetensors");

/// A bundled image with its mask.
#[derive(Clone, Copy, Debug)]
pub struct DemoSample {
    /// The synthetic site it is drawn from.
    pub site: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The image file.
    pub image: &'static [u8],
    /// The mask file: class indices.
    pub mask: &'static [u8],
}

/// The bundled images, all synthetic: the dataset folder `assets/samples`.
pub const SAMPLES: &[DemoSample] = include!(concat!(env!("OUT_DIR"), "/samples.rs"));
