// Which worker first. A policy ranks; the router walks the list, so retry and policy never know each other.

export interface Candidate {
  readonly name: string;
  /** Requests this router has in flight on the worker. */
  readonly inFlight: number;
}

/** What a policy may know of a request. */
export interface RequestFacts {
  readonly sessionKey: string | null;
  readonly bodyBytes: number;
}

export interface Policy {
  readonly name: string;
  /** Candidates in order of preference; the same members, never fewer. */
  rank(candidates: readonly Candidate[], request: RequestFacts): readonly Candidate[];
}
