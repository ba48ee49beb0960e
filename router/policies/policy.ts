// Which worker first. A policy ranks; the router walks the list, so retry and policy never know each other.

export interface Candidate {
  readonly name: string;
  /** Requests in flight on the worker, of all router processes. */
  readonly inFlight: number;
  /** Prompt tokens of those requests, estimated from their bodies' bytes. */
  readonly outstandingTokens: number;
}

/** What a policy may know of a request. */
export interface RequestFacts {
  readonly sessionKey: string | null;
  readonly bodyBytes: number;
  /** The prompt or the messages as they stand in the body; empty when there are none. */
  readonly prompt: Uint8Array;
}

export interface Policy {
  readonly name: string;
  /** Candidates in order of preference; the same members, never fewer. */
  rank(candidates: readonly Candidate[], request: RequestFacts): readonly Candidate[];
}

/** Which worker has seen the beginning with this hash last. */
export interface PrefixOwners {
  get(hash: number): string | undefined;
  put(hash: number, name: string): void;
}

/** What a policy has to know of its like in the other router processes; nothing where there is one process. */
export interface PolicyShare {
  /** Where turns begin, so that the processes do not all begin with the same worker. */
  readonly firstTurn?: number | undefined;
  readonly owners?: PrefixOwners | undefined;
}
