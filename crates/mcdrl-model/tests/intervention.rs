//! The algebra of removal and imposition, and the read-out.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use mcdrl_model::{ConfounderReadoutConfig, ConfounderRemoval};

const TEXT: usize = 12;
const WIDTH: usize = 6;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn largest<const D: usize>(tensor: Tensor<D>) -> f32 {
    tensor.abs().max().into_scalar()
}

/// Draws every parameter, because a new removal changes nothing.
struct Draw;

impl ModuleMapper for Draw {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        param.map(|_| random(shape) * 0.2)
    }
}

fn removal() -> ConfounderRemoval {
    ConfounderRemoval::new(TEXT, WIDTH, &Device::flex()).map(&mut Draw)
}

/// Doses of `count` confounders, 0..1, of which only `only` is present.
fn doses(count: usize, only: usize) -> Tensor<4> {
    let one = Tensor::random([2, 1, 5, 4], Distribution::Uniform(0.0, 1.0), &Device::flex());
    Tensor::zeros([2, count, 5, 4], &Device::flex())
        .slice_assign([0..2, only..only + 1, 0..5, 0..4], one)
}

#[test]
fn removal_undoes_imposition() {
    let (removal, texts) = (removal(), random([3, TEXT]));
    let features = random([2, WIDTH, 5, 4]);
    for confounder in 0..3 {
        let dose = doses(3, confounder);
        let imposed = removal.impose(features.clone(), dose.clone(), texts.clone());
        assert!(largest(imposed.clone() - features.clone()) > 0.05, "it changes something");
        let back = removal.remove(imposed, dose.clone(), texts.clone());
        assert!(largest(back - features.clone()) < 1e-4);
        let removed = removal.remove(features.clone(), dose.clone(), texts.clone());
        let back = removal.impose(removed, dose, texts.clone());
        assert!(largest(back - features.clone()) < 1e-4);
    }
}

#[test]
fn a_dose_of_zero_is_the_identity_at_each_place() {
    let (removal, texts) = (removal(), random([2, TEXT]));
    let features = random([2, WIDTH, 5, 4]);
    let none = Tensor::zeros([2, 2, 5, 4], &Device::flex());
    let same = removal.remove(features.clone(), none.clone(), texts.clone());
    assert_eq!(largest(same - features.clone()), 0.0);
    // One place has a dose: only its features change.
    let place = [0..1, 1..2, 3..4, 2..3];
    let one = none.slice_assign(place.clone(), Tensor::ones([1, 1, 1, 1], &Device::flex()));
    let changed = (removal.remove(features.clone(), one, texts) - features).abs().sum_dim(1);
    let there: f32 = changed.clone().slice([0..1, 0..1, 3..4, 2..3]).into_scalar();
    assert!(there > 0.0);
    assert!((largest(changed.sum()) - there).abs() < 1e-6);
}

#[test]
fn confounders_without_a_dose_do_not_matter() {
    let removal = removal();
    let features = random([2, WIDTH, 5, 4]);
    let texts = random([3, TEXT]);
    let dose = doses(3, 1);
    let all = removal.remove(features.clone(), dose.clone(), texts.clone());
    let alone = removal.remove(features, dose.narrow(1, 1, 1), texts.narrow(0, 1, 1));
    assert!(largest(all - alone) < 1e-5);
}

#[test]
fn a_new_removal_changes_nothing() {
    let removal = ConfounderRemoval::new(TEXT, WIDTH, &Device::flex());
    let features = random([2, WIDTH, 5, 4]);
    let same = removal.remove(features.clone(), doses(3, 0), random([3, TEXT]));
    assert_eq!(largest(same - features), 0.0);
}

#[test]
fn the_readout_is_the_same_function_of_every_word() {
    let device = Device::flex();
    let readout = ConfounderReadoutConfig::default().init(&[8, 16, 32], TEXT, &device);
    let pixels = random([2, 3, 64, 48]).clamp(-1, 1);
    let maps = [random([2, 8, 16, 12]), random([2, 16, 8, 6]), random([2, 32, 4, 3])];
    let texts = random([4, TEXT]);
    let doses = readout.forward(pixels.clone(), &maps, texts.clone());
    assert_eq!(doses.image.dims(), [2, 4]);
    assert_eq!(doses.local.dims(), [2, 4, 8, 6]);
    let share = doses.maps();
    assert!(largest(share.clone()) < 1.0 && share.min().into_scalar::<f32>() > 0.0);
    // Another order of the words, or fewer of them, changes no word's dose.
    let last = readout.forward(pixels.clone(), &maps, texts.clone().narrow(0, 3, 1));
    assert!(largest(last.image - doses.image.clone().narrow(1, 3, 1)) < 1e-5);
    assert!(largest(last.local - doses.local.clone().narrow(1, 3, 1)) < 1e-5);
    // The length of a text embedding does not matter.
    let longer = readout.forward(pixels, &maps, texts * 3.0);
    assert!(largest(longer.image - doses.image) < 1e-4);
}
