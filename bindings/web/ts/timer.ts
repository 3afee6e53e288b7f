/** The longest time of a timer, in milliseconds. A longer one ends at once. */
export const LONGEST = 2 ** 31 - 1;
