// When a request passed each point of its life; 0 for a point it has not passed. Milliseconds of the router's clock.

export interface Timeline {
  acceptedMs: number;
  admittedMs: number;
  /** Of the latest attempt, as are the following. */
  prefillMs: number;
  repliedMs: number;
  decodeMs: number;
  firstByteMs: number;
  endMs: number;
  /** Pieces of the stream that the client took; several tokens may be in one. */
  chunks: number;
}

export function startTimeline(acceptedMs: number): Timeline {
  return { acceptedMs, admittedMs: 0, prefillMs: 0, repliedMs: 0, decodeMs: 0, firstByteMs: 0, endMs: 0, chunks: 0 };
}
