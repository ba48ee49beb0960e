// Moments in cells: 32 bits of hundredths of a second since the memory was made reach for 248 days.

/** Milliseconds. */
const UNIT_MS = 10;

/** Rounded up, so that nothing is over too soon and nothing has happened too early. */
export function unitsOf(ms: number): number {
  return Math.ceil(ms / UNIT_MS);
}

export function msOf(units: number): number {
  return units * UNIT_MS;
}
