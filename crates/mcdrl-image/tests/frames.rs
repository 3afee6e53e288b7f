//! Camera frames become upright RGB images.

use mcdrl_image::{Error, Frame, Image, PixelFormat, Plane, YuvColors};

/// A 6 × 4 image in which every pixel has another colour.
fn image() -> Image {
    let pixels = (0..6 * 4 * 3).map(|value| (value * 37 % 251) as u8).collect();
    Image::from_rgb(6, 4, pixels).unwrap()
}

fn frame(format: PixelFormat, planes: Vec<Plane<'_>>) -> Frame<'_> {
    Frame { width: 6, height: 4, format, planes, rotation: 0, mirrored: false }
}

/// The image's pixels in the layout of `write`, with rows of `stride` bytes.
fn laid_out(image: &Image, stride: usize, write: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in image.pixels().chunks_exact(image.width() * 3) {
        let start = bytes.len();
        bytes.extend(row.chunks_exact(3).flat_map(&write));
        bytes.resize(start + stride, 77);
    }
    bytes
}

#[test]
fn interleaved_pixels_of_any_order_and_stride_are_read() {
    let image = image();
    type Write = fn(&[u8]) -> Vec<u8>;
    let formats: [(PixelFormat, usize, Write); 5] = [
        (PixelFormat::Rgb, 3, |p| p.to_vec()),
        (PixelFormat::Rgb, 4, |p| vec![p[0], p[1], p[2], 9]),
        (PixelFormat::Rgb, 5, |p| vec![p[0], p[1], p[2], 9, 9]),
        (PixelFormat::Rgba, 4, |p| vec![p[0], p[1], p[2], 9]),
        (PixelFormat::Bgra, 4, |p| vec![p[2], p[1], p[0], 9]),
    ];
    for (format, pixel_stride, write) in formats {
        for padding in [0, 13] {
            let row_stride = 6 * pixel_stride + padding;
            let mut bytes = laid_out(&image, row_stride, write);
            // The buffers of cameras end with the last pixel, without padding.
            bytes.truncate(bytes.len() - padding);
            if format == PixelFormat::Rgb {
                bytes.truncate(bytes.len() - (pixel_stride - 3));
            }
            let plane = Plane { bytes: &bytes, row_stride, pixel_stride };
            assert_eq!(
                Image::from_frame(&frame(format, vec![plane])).unwrap(),
                image,
                "{format:?}"
            );
        }
    }
}

#[test]
fn frames_are_turned_upright() {
    let upright = image();
    let at = |image: &Image, x: usize, y: usize| -> [u8; 3] {
        let start = (y * image.width() + x) * 3;
        image.pixels()[start..start + 3].try_into().unwrap()
    };
    let plane = Plane { bytes: upright.pixels(), row_stride: 18, pixel_stride: 3 };
    let mut lying = frame(PixelFormat::Rgb, vec![plane]);
    for (rotation, size, corner) in
        [(0, (6, 4), (0, 0)), (90, (4, 6), (0, 3)), (180, (6, 4), (5, 3)), (270, (4, 6), (5, 0))]
    {
        lying.rotation = rotation;
        for mirrored in [false, true] {
            lying.mirrored = mirrored;
            let turned = Image::from_frame(&lying).unwrap();
            assert_eq!((turned.width(), turned.height()), size);
            let x = if mirrored { turned.width() - 1 } else { 0 };
            assert_eq!(
                at(&turned, x, 0),
                at(&upright, corner.0, corner.1),
                "{rotation} {mirrored}"
            );
        }
    }
}

/// Colours and their rounded Y, Cb, Cr in BT.601 and BT.709, in full range and in video range.
#[test]
fn yuv_follows_its_standard() {
    let known = [
        (YuvColors::Bt601Full, [76, 85, 255], [255, 0, 0]),
        (YuvColors::Bt601Full, [150, 44, 21], [0, 255, 0]),
        (YuvColors::Bt601Full, [128, 128, 128], [128, 128, 128]),
        (YuvColors::Bt601Video, [81, 90, 240], [255, 0, 0]),
        (YuvColors::Bt601Video, [16, 128, 128], [0, 0, 0]),
        (YuvColors::Bt601Video, [235, 128, 128], [255, 255, 255]),
        (YuvColors::Bt709Full, [54, 99, 255], [255, 0, 0]),
        (YuvColors::Bt709Video, [63, 102, 240], [255, 0, 0]),
        (YuvColors::Bt709Video, [173, 42, 26], [0, 255, 0]),
    ];
    for (colors, [y, cb, cr], rgb) in known {
        let (y, cb, cr) = (vec![y; 24], vec![cb; 6], vec![cr; 6]);
        let plane = |bytes, row_stride| Plane { bytes, row_stride, pixel_stride: 1 };
        let planes = vec![plane(&y, 6), plane(&cb, 3), plane(&cr, 3)];
        let image = Image::from_frame(&frame(PixelFormat::Yuv420(colors), planes)).unwrap();
        for pixel in image.pixels().chunks_exact(3) {
            for (found, wanted) in pixel.iter().zip(rgb) {
                assert!(found.abs_diff(wanted) <= 2, "{colors:?}: {pixel:?}, {rgb:?}");
            }
        }
    }
}

/// NV12, NV21 and I420 of the same image. It has an odd size, so the last chroma values cover one row and one column.
#[test]
fn planar_and_interleaved_chroma_give_the_same_image() {
    let (width, height) = (5, 3);
    let y: Vec<u8> = (0..15).map(|value| value * 16).collect();
    let (cb, cr): (Vec<u8>, Vec<u8>) =
        (vec![10, 90, 170, 20, 100, 180], vec![200, 120, 40, 190, 110, 30]);
    let read = |planes| {
        let format = PixelFormat::Yuv420(YuvColors::Bt601Full);
        let frame = Frame { width, height, format, planes, rotation: 0, mirrored: false };
        Image::from_frame(&frame).unwrap()
    };
    let plane = |bytes, row_stride, pixel_stride| Plane { bytes, row_stride, pixel_stride };
    let i420 = read(vec![plane(&y, 5, 1), plane(&cb, 3, 1), plane(&cr, 3, 1)]);
    let interleave = |first: &[u8], second: &[u8]| -> Vec<u8> {
        first.iter().zip(second).flat_map(|(a, b)| [*a, *b]).collect()
    };
    let nv12 = interleave(&cb, &cr);
    let nv21 = interleave(&cr, &cb);
    assert_eq!(i420, read(vec![plane(&y, 5, 1), plane(&nv12, 6, 2), plane(&nv12[1..], 6, 2)]));
    assert_eq!(i420, read(vec![plane(&y, 5, 1), plane(&nv21[1..], 6, 2), plane(&nv21, 6, 2)]));
}

#[test]
fn invalid_frames_are_refused() {
    let bytes = [0; 6 * 4 * 3];
    let plane = |length, row_stride, pixel_stride| Plane {
        bytes: &bytes[..length],
        row_stride,
        pixel_stride,
    };
    let refused = |frame: &Frame| match Image::from_frame(frame) {
        Err(error @ (Error::Frame(_) | Error::TooLarge { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let said = |planes| refused(&frame(PixelFormat::Rgb, planes));
    assert!(said(vec![]).contains("0 planes"));
    assert!(said(vec![plane(71, 18, 3)]).contains("needs 72"));
    assert!(said(vec![plane(72, 17, 3)]).contains("row stride"));
    assert!(said(vec![plane(72, 18, 2)]).contains("pixel stride"));
    assert!(said(vec![plane(72, usize::MAX, usize::MAX)]).contains("strides"));
    let narrow =
        Frame { width: 2, height: 1, ..frame(PixelFormat::Rgb, vec![plane(72, 9, usize::MAX)]) };
    assert!(refused(&narrow).contains("strides"));
    let empty = Frame { width: 0, ..frame(PixelFormat::Rgb, vec![plane(72, 18, 3)]) };
    assert!(refused(&empty).contains("0×4"));
    let turned = Frame { rotation: 45, ..frame(PixelFormat::Rgb, vec![plane(72, 18, 3)]) };
    assert!(refused(&turned).contains("45°"));
    let vast = Frame { width: usize::MAX, ..frame(PixelFormat::Rgb, vec![plane(72, 18, 3)]) };
    assert!(refused(&vast).contains("megapixels"));
}
