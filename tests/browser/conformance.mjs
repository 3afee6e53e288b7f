// The masks of tests/conformance/answers.json, for pages and Node.

/** The class of every pixel of a stored mask. A mask is stored as runs (class, length), row-major. */
export function classesOf({ width, height, runs }) {
  const classes = new Uint8Array(width * height);
  const numbers = runs.split(" ").map(Number);
  for (let run = 0, at = 0; run < numbers.length; run += 2) {
    classes.fill(numbers[run], at, (at += numbers[run + 1]));
  }
  return classes;
}
