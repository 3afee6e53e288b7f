//! Batch normalisation with its pre-trained statistics.

use burn::module::{Flag, Module, ModuleMapper, Param};

/// A module whose batch normalisations use and keep the statistics that they have: those of the pre-training are better than
/// those of small batches.
pub fn with_frozen_norms<M: Module>(module: M) -> M {
    struct Freeze;
    impl ModuleMapper for Freeze {
        fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
            flag.with_value(false)
        }
    }
    module.map(&mut Freeze)
}
