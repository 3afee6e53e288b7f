// DICOM files for pages and Node.

const SIZE = { width: 160, height: 120 };

/** The RGBA pixels of frame `at`: a wall with a bump. */
export function wall(at) {
  const { width, height } = SIZE;
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bump = Math.max(0, 90 - Math.floor(((x - 90 + 40 * at) ** 2 + (y - 60) ** 2) / 8));
      const shade = 170 + ((x * 7 + y * 13) % 5) - Math.floor(((x - 80) ** 2 + (y - 60) ** 2) / 120);
      const color = [shade + bump / 2, shade / 2 + bump / 3 - 10, shade / 3 + bump / 3].map(Math.floor);
      data.set([...color, 255], 4 * (y * width + x));
    }
  }
  return { data, ...SIZE };
}

/** A DICOM file of endoscopic pictures without a meta group. Their pixels are half a millimetre wide. */
export function dicomOf(frames) {
  const bytes = [];
  const short = (value) => [value & 255, value >> 8];
  const add = (group, element, vr, value) => {
    const length = value.length;
    const head = vr === "OW" ? [0, 0, ...short(length & 65535), ...short(length >>> 16)] : short(length);
    bytes.push(...short(group), ...short(element), ...latin(vr), ...head, ...value);
  };
  const latin = (text) => [...text].map((letter) => letter.charCodeAt(0));
  const even = (text) => latin(text.length % 2 ? `${text} ` : text);
  const number = (element, value) => add(0x28, element, "US", short(value));
  add(0x08, 0x16, "UI", latin("1.2.840.10008.5.1.4.1.1.77.1.1"));
  number(0x02, 3);
  add(0x28, 0x04, "CS", even("RGB"));
  number(0x06, 0);
  add(0x28, 0x08, "IS", even(String(frames.length)));
  number(0x10, SIZE.height);
  number(0x11, SIZE.width);
  add(0x28, 0x30, "DS", even("0.5\\0.5"));
  number(0x100, 8);
  number(0x101, 8);
  number(0x102, 7);
  number(0x103, 0);
  if (!frames.length) return new Uint8Array(bytes);
  add(0x7fe0, 0x10, "OW", frames.flatMap(({ data }) => [...data].filter((_, at) => at % 4 < 3)));
  return new Uint8Array(bytes);
}

/** What a segmenter makes of a file with two frames, and of damaged ones. */
export async function checkDicom(segmenter) {
  const frames = [wall(0), wall(1)];
  const file = dicomOf(frames);
  const same = (one, other) => one.categoryMask.every((value, at) => value === other.categoryMask[at]);
  const expected = [];
  for (const frame of frames) expected.push(await segmenter.segment({ ...frame, pixelSize: [0.5, 0.5] }));
  const first = await segmenter.segment(file);
  const second = await segmenter.segment(file, { frame: 1 });
  const failure = async (bytes, options) => {
    try {
      await segmenter.segment(bytes, options);
      return "no error";
    } catch ({ code, message }) {
      return `${code}: ${message}`;
    }
  };
  const lesions = [first, second, ...expected].flatMap(({ lesions }) => lesions);
  return {
    differ: !same(first, second),
    first: same(first, expected[0]),
    second: same(second, expected[1]),
    frames: [first.frames, second.frames, expected[0].frames],
    notes: [first.notes, second.notes],
    sizes: [first.width, first.height],
    lesions: lesions.length > 0,
    areas: lesions.every(({ areaMm2, pixels }) => Math.abs(areaMm2 - pixels / 4) < 0.01),
    missing: await failure(file, { frame: 2 }),
    half: await failure(file, { frame: 0.5 }),
    cut: await failure(file.slice(0, file.length / 2)),
    noPixels: await failure(dicomOf([])),
    badSize: await failure({ ...frames[0], pixelSize: [0.5, 0] }),
    // A bad file leaves the segmenter as it is.
    again: same(await segmenter.segment(file), expected[0]),
  };
}

/** Checks the answers of {@link checkDicom}. */
export function matchDicom(assert, { missing, half, cut, noPixels, badSize, ...found }) {
  assert.deepEqual(found, {
    differ: true,
    first: true,
    second: true,
    frames: [2, 2, 1],
    notes: [["the file has 2 frames; only the first was read"], []],
    sizes: [SIZE.width, SIZE.height],
    lesions: true,
    areas: true,
    again: true,
  });
  assert.match(missing, /^image: .*has 2 frames and no frame 3/);
  assert.match(half, /^input: the frame is 0.5/);
  assert.match(cut, /^image: /);
  assert.match(noPixels, /^image: .*without pixel data/);
  assert.match(badSize, /^input: pixelSize/);
}
