//! The kind of a file. Its first bytes tell the kind. Its name is often wrong.

/// A kind of file that is not read here, and what to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// The kind with its article, such as "a HEIC photo".
    pub name: &'static str,
    /// What to do with the file.
    pub advice: &'static str,
    /// Whether it was never a picture: an empty file, or what systems leave in folders.
    pub is_junk: bool,
}

const TO_PNG: &str = "convert it to PNG or JPEG";
const TO_FRAMES: &str = "extract its frames first, for example with ffmpeg";
const TO_SLICES: &str = "export its slices as PNG files";
#[cfg(feature = "dicom")]
const DECOMPRESS: &str = "decompress it, for example with `gdcmconv --raw`";
const UNPACK: &str = "unpack it first";
const NO_IMAGE: &str = "give another file";

/// Where the mark of a kind begins, and its bytes.
type Mark = (usize, &'static [u8]);

const KINDS: [(Mark, &str, &str); 36] = [
    ((0, b"GIF87a"), "a GIF image", TO_PNG),
    ((0, b"GIF89a"), "a GIF image or animation", TO_PNG),
    ((0, b"\xff\x0a"), "a JPEG XL image", TO_PNG),
    ((0, b"\0\0\0\x0cJXL "), "a JPEG XL image", TO_PNG),
    ((0, b"\0\0\0\x0cjP  "), "a JPEG 2000 image", TO_PNG),
    ((0, b"\xff\x4f\xff\x51"), "a JPEG 2000 image", TO_PNG),
    ((0, b"8BPS"), "a Photoshop document", TO_PNG),
    ((0, b"\x76\x2f\x31\x01"), "an OpenEXR image", TO_PNG),
    ((0, b"P5"), "a PGM image", TO_PNG),
    ((0, b"P6"), "a PPM image", TO_PNG),
    ((0, b"%PDF"), "a PDF document", "extract its pictures, for example with pdfimages"),
    ((0, b"<svg"), "an SVG drawing", TO_PNG),
    ((0, b"\x1a\x45\xdf\xa3"), "a video (Matroska or WebM)", TO_FRAMES),
    ((0, b"\0\0\x01\xba"), "a video (MPEG)", TO_FRAMES),
    ((0, b"\0\0\x01\xb3"), "a video (MPEG)", TO_FRAMES),
    ((0, b"FLV\x01"), "a video (Flash)", TO_FRAMES),
    ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "a video (Windows Media)", TO_FRAMES),
    ((8, b"AVI "), "a video (AVI)", TO_FRAMES),
    ((4, b"moov"), "a video (MOV)", TO_FRAMES),
    ((4, b"mdat"), "a video (MOV)", TO_FRAMES),
    ((0, b"NRRD000"), "an NRRD volume", TO_SLICES),
    ((0, b"ObjectType = Image"), "a MetaImage volume", TO_SLICES),
    ((344, b"n+1\0"), "a NIfTI volume", TO_SLICES),
    ((344, b"ni1\0"), "a NIfTI header", TO_SLICES),
    ((4, b"n+2\0"), "a NIfTI volume", TO_SLICES),
    ((0, b"\x89HDF"), "an HDF5 file", "export its pictures as PNG files"),
    ((0, b"\x93NUMPY"), "a NumPy array", "save it as PNG"),
    ((0, b"\x1f\x8b"), "a gzip file", UNPACK),
    ((0, b"PK\x03\x04"), "a zip archive or a PyTorch checkpoint", UNPACK),
    ((0, b"7z\xbc\xaf\x27\x1c"), "a 7z archive", UNPACK),
    (
        (0, b"version https://git-lfs"),
        "a Git LFS pointer",
        "run `git lfs pull` to get the file itself",
    ),
    ((0, b"\0\x05\x16\x07"), "a resource file of macOS", NO_IMAGE),
    ((0, b"\xd0\xcf\x11\xe0"), "an Office document or thumbnail cache of Windows", NO_IMAGE),
    ((0, b"{"), "JSON", NO_IMAGE),
    ((0, b"<?xml"), "XML", NO_IMAGE),
    ((0, b"SIMPLE  ="), "a FITS image", TO_PNG),
];

/// The kinds of the ISO base media format, by their brand.
const BRANDS: [(&[&[u8; 4]], &str, &str); 4] = [
    (
        &[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"],
        "a HEIC photo",
        TO_PNG,
    ),
    (&[b"avif", b"avis"], "an AVIF image", TO_PNG),
    (&[b"crx "], "a raw photo", TO_PNG),
    (&[b"qt  "], "a video (MOV)", TO_FRAMES),
];

impl FileKind {
    /// A DICOM file of a report, a plan or a structure.
    pub(crate) const DICOM_WITHOUT_PIXELS: Self = Self {
        name: "a DICOM file without pixel data",
        advice: "export a picture from the archive as PNG",
        is_junk: true,
    };

    /// A DICOM file whose picture is compressed in a way that is not read.
    #[cfg(feature = "dicom")]
    pub(crate) const DICOM_JPEG_LS: Self =
        Self { name: "a DICOM file with a JPEG-LS image", advice: DECOMPRESS, is_junk: false };

    /// A DICOM file with a video stream.
    #[cfg(feature = "dicom")]
    pub(crate) const DICOM_VIDEO: Self =
        Self { name: "a DICOM video", advice: TO_FRAMES, is_junk: false };

    /// Whether bytes are a DICOM file, with or without its preamble.
    pub fn is_dicom(bytes: &[u8]) -> bool {
        bytes.get(128..132) == Some(b"DICM") || is_dicom_without_preamble(bytes)
    }

    /// The kind of a file that is not read here; `None` for JPEG, PNG, TIFF, BMP and still WebP files, and for unknown bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let kind = |name, advice| Some(Self { name, advice, is_junk: advice == NO_IMAGE });
        if bytes.is_empty() {
            return Some(Self { name: "an empty file", advice: "copy it again", is_junk: true });
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            let brand = bytes.get(8..12).unwrap_or_default();
            let known =
                BRANDS.iter().find(|(brands, ..)| brands.iter().any(|known| *known == brand));
            let (name, advice) =
                known.map_or(("a video (MP4)", TO_FRAMES), |(_, name, advice)| (*name, *advice));
            return kind(name, advice);
        }
        if is_animated_webp(bytes) {
            return kind("an animated WebP", TO_FRAMES);
        }
        let has = |(at, mark): Mark| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark));
        if let Some((_, name, advice)) = KINDS.iter().find(|(mark, ..)| has(*mark)) {
            return kind(name, advice);
        }
        if Self::is_dicom(bytes) {
            return match has_dicom_pixels(bytes) {
                true => kind("a DICOM file", "export its picture as PNG"),
                false => Some(Self::DICOM_WITHOUT_PIXELS),
            };
        }
        if is_onnx(bytes) {
            return kind("an ONNX network", "it belongs to another runtime");
        }
        if is_web_page(bytes) {
            return kind("a web page", "the address or the download is wrong");
        }
        None
    }
}

/// Whether a DICOM file has the element (7FE0,0010), in either byte order.
fn has_dicom_pixels(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|tag| matches!(tag, b"\xe0\x7f\x10\0" | b"\x7f\xe0\0\x10"))
}

fn is_animated_webp(bytes: &[u8]) -> bool {
    const ANIMATION: u8 = 0x02;
    bytes.starts_with(b"RIFF")
        && bytes.get(8..16) == Some(b"WEBPVP8X")
        && bytes.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

/// Old archives have DICOM files without the preamble. They begin with an element of group 2 or 8.
fn is_dicom_without_preamble(bytes: &[u8]) -> bool {
    let [group, zero, element, high] = *bytes.first_chunk().unwrap_or(&[0xff; 4]);
    let is_early = matches!(group, 2 | 8) && zero == 0 && high == 0 && element <= 0x18;
    let (explicit, implicit) = (bytes.get(4..6), bytes.get(6..8));
    is_early
        && (explicit.is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase))
            || implicit == Some(&[0, 0]))
}

/// A protocol buffer that begins with a small version number and says soon which program wrote it.
fn is_onnx(bytes: &[u8]) -> bool {
    const WRITERS: [&[u8]; 5] = [b"onnx", b"pytorch", b"tf2onnx", b"skl2onnx", b"torch"];
    let start = &bytes[..bytes.len().min(64)];
    let has = |writer: &[u8]| start.windows(writer.len()).any(|window| window == writer);
    matches!(start, [0x08, 1..=32, 0x12 | 0x3a | 0x42, ..])
        && WRITERS.iter().any(|writer| has(writer))
}

fn is_web_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let begins =
        |tag: &[u8]| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins(b"<!doctype") || begins(b"<html")
}
