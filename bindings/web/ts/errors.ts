/** The errors of the package. */

/**
 * The kind of an error:
 * - `image`: the bytes are not a readable image;
 * - `image-too-large`: the image has too many pixels;
 * - `input`: the argument cannot be used (an empty image, a tainted canvas, a late timestamp);
 * - `model`: the file is not a model, or it is damaged;
 * - `model-version`: the model file has an unknown format version;
 * - `network`: the model or a part of the package cannot be downloaded;
 * - `device`: the device is missing or failed;
 * - `wrong-answer`: the device computes wrongly;
 * - `timeout`: the device or the worker did not answer in time;
 * - `aborted`: the signal cancelled the call;
 * - `closed`: the segmenter was closed;
 * - `internal`: a bug of this package.
 */
export type SegmenterErrorCode = (typeof CODES)[number];

const CODES = [
  "image",
  "image-too-large",
  "input",
  "model",
  "model-version",
  "network",
  "device",
  "wrong-answer",
  "timeout",
  "aborted",
  "closed",
  "internal",
] as const;

/** Every error of this package. `code` is for programs, the message for people. */
export class SegmenterError extends Error {
  override readonly name = "SegmenterError";

  constructor(
    /** The kind of the error. */
    readonly code: SegmenterErrorCode,
    message: string,
  ) {
    super(message);
  }

  /** The error in a message between threads. */
  toMessage(): { code: SegmenterErrorCode; message: string } {
    return { code: this.code, message: this.message };
  }

  /** Turns anything that was thrown into an error of this package. */
  static from(thrown: unknown): SegmenterError {
    if (thrown instanceof SegmenterError) return thrown;
    const { code, message } = (thrown ?? {}) as { code?: unknown; message?: unknown };
    const known = CODES.find((name) => name === code);
    if (known && typeof message === "string") return new SegmenterError(known, message);
    return new SegmenterError("internal", `a bug in mcdrl, please report it: ${String(message ?? thrown)}`);
  }
}
