//! The two methods of convolution agree. This test uses only slices and builds without Burn.

use mcdrl_kernels::cpu::{ConvShape, Padding, patches, winograd};

#[test]
fn winograd_matches_patches() {
    // Images, inputs, rows, columns, outputs, padding.
    let cases = [
        (1, 16, 16, 16, 24, 1),
        (1, 24, 64, 64, 24, 1),
        (2, 17, 15, 19, 5, 1),
        (1, 32, 18, 17, 7, 0),
        (1, 20, 13, 33, 3, 2),
    ];
    for (batch, inputs, height, width, outputs, padding) in cases {
        let padding = Padding::even(padding);
        let shape =
            ConvShape { batch, inputs, height, width, outputs, kernel: [3, 3], stride: 1, padding };
        assert!(winograd::suits(&shape), "{shape:?}");
        let mut state = 1u32;
        let mut noise = |count: usize| -> Vec<f32> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state as f32 / u32::MAX as f32 - 0.5
            };
            (0..count).map(|_| next()).collect()
        };
        let input = noise(batch * inputs * height * width);
        let weight = noise(outputs * inputs * 9);
        let expected = patches::forward(&shape, &input, &weight);
        let found = winograd::forward(&shape, &input, &weight);
        let scale = expected.iter().fold(1.0f32, |top, value| top.max(value.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 2e-5 * scale, "{shape:?}: {found} {expected}");
        }
        assert_eq!(found.len(), expected.len());
    }
}
