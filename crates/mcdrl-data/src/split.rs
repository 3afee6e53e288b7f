//! Splits that keep each group on one side.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::{Dataset, Result, Sample};

/// The two sides of a split.
#[derive(Clone, Debug)]
pub struct Split {
    /// The training samples.
    pub train: Vec<Sample>,
    /// The held-out samples.
    pub test: Vec<Sample>,
}

/// The paper's protocol: one site for testing, all others for training.
///
/// # Errors
/// [`crate::Error::UnknownSite`].
pub fn leave_one_site_out(dataset: &Dataset, site: &str) -> Result<Split> {
    dataset.site(site)?;
    let (test, train) = dataset.samples().cloned().partition(|sample| sample.site == site);
    Ok(Split { train, test })
}

/// Holds out about `share` of the samples of every site, in whole groups. The seed chooses the groups.
pub fn hold_out_groups(samples: &[Sample], share: f64, seed: u64) -> Split {
    let mut held_out: BTreeSet<(&str, &str)> = BTreeSet::new();
    let sites: BTreeSet<&str> = samples.iter().map(|sample| sample.site.as_str()).collect();
    for site in sites {
        let of_site = || samples.iter().filter(|sample| sample.site == site);
        let groups: BTreeSet<&str> = of_site().map(|sample| sample.group.as_str()).collect();
        let mut groups: Vec<&str> = groups.into_iter().collect();
        groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let wanted = (share * of_site().count() as f64).round() as usize;
        let mut taken = 0;
        // At least one group remains for training.
        for group in groups.iter().skip(1) {
            if taken >= wanted {
                break;
            }
            taken += of_site().filter(|sample| sample.group == *group).count();
            held_out.insert((site, group));
        }
    }
    let held = |sample: &Sample| held_out.contains(&(&*sample.site, &*sample.group));
    let (test, train) = samples.iter().cloned().partition(held);
    Split { train, test }
}
