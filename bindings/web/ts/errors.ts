/** Errors that programs can act on. */

/**
 * What went wrong:
 * - `image`: the file is no image that can be read; `image-too-large`: it has too many pixels;
 * - `input`: the argument is nothing that can be segmented (an empty image, a tainted canvas, a late timestamp);
 * - `model`: the file is no model, or damaged; `model-version`: of a format that this version does not know;
 * - `network`: the model or a part of the package could not be downloaded;
 * - `device`: the device failed; `wrong-answer`: it computes wrongly;
 * - `timeout`: no answer in the given time; `aborted`: by the signal; `closed`: the segmenter was closed;
 * - `internal`: a bug of ours.
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

/** Every error of this package. */
export class SegmenterError extends Error {
  override readonly name = "SegmenterError";

  constructor(
    /** What went wrong, for programs. */
    readonly code: SegmenterErrorCode,
    message: string,
  ) {
    super(message);
  }

  /** The error as a message between threads. */
  toMessage(): { code: SegmenterErrorCode; message: string } {
    return { code: this.code, message: this.message };
  }

  /** Anything thrown, as an error of this package. */
  static from(thrown: unknown): SegmenterError {
    if (thrown instanceof SegmenterError) return thrown;
    const { code, message } = (thrown ?? {}) as { code?: unknown; message?: unknown };
    const known = CODES.find((name) => name === code);
    if (known && typeof message === "string") return new SegmenterError(known, message);
    return new SegmenterError("internal", `a bug in mcdrl, please report it: ${String(message ?? thrown)}`);
  }
}
