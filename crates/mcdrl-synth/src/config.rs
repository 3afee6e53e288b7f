//! The configuration of synthetic sites.

/// The configuration of a set of synthetic sites.
#[derive(Clone, Debug, PartialEq)]
pub struct SynthConfig {
    /// Number of sites.
    pub sites: usize,
    /// Frames per site.
    pub images: usize,
    /// Side of the square frames, in pixels. A dataset needs 32 to 1024.
    pub size: usize,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Share of frames without a lesion.
    pub lesion_free: f32,
    /// Whether confounders are tied to sites, and so to each other, as in real hospitals: each site has its own mixture, and the
    /// first five sites have hand-made styles. Otherwise all factors are drawn independently at every site.
    pub tied: bool,
}

impl Default for SynthConfig {
    fn default() -> Self {
        Self { sites: 40, images: 25, size: 128, seed: 7, lesion_free: 0.15, tied: false }
    }
}

impl SynthConfig {
    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let Self { sites, images, size, lesion_free, .. } = self;
        let mut faults = Vec::new();
        if *sites == 0 || *images == 0 {
            faults.push("synthetic sites need at least one site and one image".into());
        }
        if !(32..=1024).contains(size) {
            faults.push(format!("the size {size} must lie between 32 and 1024 pixels"));
        }
        if !(0.0..=1.0).contains(lesion_free) {
            faults.push(format!("the lesion-free share {lesion_free} must lie between 0 and 1"));
        }
        faults
    }
}
