//! Maps on the network's own grid, and their interpolation to the size of an image.

use mcdrl_image::Bounds;

/// Values on the network's own grid: `[channels, rows, columns]`.
#[derive(Clone, Debug)]
pub struct GridMap {
    pub channels: usize,
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

impl GridMap {
    /// Class probabilities from logits.
    pub fn softmax(mut values: Vec<f32>, channels: usize, rows: usize, columns: usize) -> Self {
        let pixels = rows * columns;
        for pixel in 0..pixels {
            let at = |channel: usize| channel * pixels + pixel;
            let top = (0..channels).map(|c| values[at(c)]).fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for channel in 0..channels {
                values[at(channel)] = (values[at(channel)] - top).exp();
                sum += values[at(channel)];
            }
            for channel in 0..channels {
                values[at(channel)] /= sum;
            }
        }
        Self { channels, rows, columns, values }
    }

    /// The entropy of the channels divided by the largest possible one, 0..1: one channel.
    pub fn entropy(&self) -> Self {
        let pixels = self.rows * self.columns;
        let mut values = vec![0.0; pixels];
        for channel in self.values.chunks_exact(pixels) {
            for (sum, p) in values.iter_mut().zip(channel) {
                // The limit of p ln p at 0 is 0.
                *sum -= if *p > 0.0 { p * p.ln() } else { 0.0 };
            }
        }
        let largest = (self.channels as f32).ln();
        values.iter_mut().for_each(|value| *value /= largest);
        Self { channels: 1, rows: self.rows, columns: self.columns, values }
    }

    /// The values of a channel, row-major.
    pub fn channel(&self, index: usize) -> &[f32] {
        let positions = self.rows * self.columns;
        &self.values[index * positions..][..positions]
    }

    /// A channel at every pixel of a `width × height` image, row-major. The map lies on `area`; elsewhere the value is `outside`.
    pub fn on_image(
        &self,
        index: usize,
        area: Bounds,
        [width, height]: [usize; 2],
        outside: f32,
    ) -> Vec<f32> {
        let Self { rows, columns, .. } = *self;
        let map = Self { channels: 1, rows, columns, values: self.channel(index).to_vec() };
        let mut image = vec![outside; width * height];
        let across = area.width as usize;
        let start = area.top as usize * width + area.left as usize;
        let mut visited = 0;
        map.upsample(across, area.height as usize, |values| {
            image[start + visited / across * width + visited % across] = values[0];
            visited += 1;
        });
        image
    }

    /// The mean of every channel in every cell of a `cells × cells` grid: channel by channel, row-major.
    pub fn cell_means(&self, cells: usize) -> Vec<f32> {
        let mut sums = vec![0.0; self.channels * cells * cells];
        let mut counts = vec![0.0; cells * cells];
        for row in 0..self.rows {
            for column in 0..self.columns {
                let cell = (row * cells / self.rows) * cells + column * cells / self.columns;
                counts[cell] += 1.0;
                for channel in 0..self.channels {
                    let value = self.values[(channel * self.rows + row) * self.columns + column];
                    sums[channel * cells * cells + cell] += value;
                }
            }
        }
        let counts = counts.iter().cycle();
        sums.iter().zip(counts).map(|(sum, count): (&f32, &f32)| sum / count.max(1.0)).collect()
    }

    /// Calls `visit` for every pixel of a `width × height` image in order, with its bilinearly interpolated values.
    pub fn upsample(&self, width: usize, height: usize, mut visit: impl FnMut(&[f32])) {
        let across: Vec<Tap> = (0..width).map(|x| Tap::at(x, width, self.columns)).collect();
        let mut line = vec![0.0; self.channels * self.columns];
        let mut at = vec![0.0; self.channels];
        for y in 0..height {
            let tap = Tap::at(y, height, self.rows);
            for channel in 0..self.channels {
                let map = &self.values[channel * self.rows * self.columns..];
                let low = &map[tap.low * self.columns..][..self.columns];
                let high = &map[tap.high * self.columns..][..self.columns];
                let line = &mut line[channel * self.columns..][..self.columns];
                for ((out, low), high) in line.iter_mut().zip(low).zip(high) {
                    *out = low + (high - low) * tap.weight;
                }
            }
            for tap in &across {
                for (channel, out) in at.iter_mut().enumerate() {
                    let line = &line[channel * self.columns..][..self.columns];
                    *out = line[tap.low] + (line[tap.high] - line[tap.low]) * tap.weight;
                }
                visit(&at);
            }
        }
    }
}

/// Two neighbours and the weight of the second, for pixel centres on half coordinates.
struct Tap {
    low: usize,
    high: usize,
    weight: f32,
}

impl Tap {
    fn at(index: usize, size: usize, source: usize) -> Self {
        let position = (index as f32 + 0.5) * source as f32 / size as f32 - 0.5;
        let position = position.clamp(0.0, (source - 1) as f32);
        let low = position as usize;
        Self { low, high: (low + 1).min(source - 1), weight: position - low as f32 }
    }
}
