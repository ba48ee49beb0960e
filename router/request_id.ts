// The id a client sees, and the id of each attempt, which workers see: the second begins with the first, so logs join.

/** What is safe in a header, a log line and an engine's request id. */
const acceptable = /^[A-Za-z0-9._:\-]{1,128}$/;

/** The client's own id when it is one we can pass on, else a new one. */
export function requestIdOf(header: string | null, random: () => string): string {
  return header !== null && acceptable.test(header) ? header : random();
}

/** Unique for each attempt, also when a client repeats its id: engines abort or mix up requests of equal ids. */
export function attemptIdOf(requestId: string, nonce: string): string {
  return `${requestId}-${nonce.slice(0, 12)}`;
}
