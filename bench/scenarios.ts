// The loads that routers are compared under.

/** What the decode mock streams; prefill always answers one JSON body. */
export interface MockBehaviour {
  readonly chunks: number;
  readonly chunkBytes: number;
  /** Between chunks; 0 is as fast as possible. */
  readonly paceUs: number;
  /** The whole stream in one write. */
  readonly burst: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly mock: MockBehaviour;
  readonly bodyBytes: number;
  /** A completion of token ids instead of a chat. */
  readonly tokenIds?: boolean;
  readonly connections: number;
  /** Requests per second at fixed times; 0 sends the next one as soon as the last is done. */
  readonly rate: number;
  /** A new connection for each request. */
  readonly churn: boolean;
  /** Streams start spread over this time, so that their chunks do not come in step. */
  readonly staggerMs: number;
  readonly inQuick: boolean;
  /** Which CPU figure tells something here. */
  readonly cpuPer: "request" | "chunk";
}

const oneChunk: MockBehaviour = { chunks: 1, chunkBytes: 200, paceUs: 0, burst: true };
const common = { bodyBytes: 1_000, rate: 0, churn: false, staggerMs: 0, inQuick: false, cpuPer: "request" } as const;

export const scenarios: readonly Scenario[] = [
  { ...common, name: "saturation", title: "saturation, 1 chunk", mock: oneChunk, connections: 32, inQuick: true },
  {
    ...common,
    name: "burst64",
    title: "bursts of 64 chunks",
    mock: { ...oneChunk, chunks: 64 },
    connections: 32,
    inQuick: true,
  },
  {
    ...common,
    name: "paced96",
    title: "96 streams, a chunk each 5 ms",
    mock: { ...oneChunk, chunks: 64, paceUs: 5_000, burst: false },
    connections: 96,
    staggerMs: 320,
    inQuick: true,
    cpuPer: "chunk",
  },
  {
    ...common,
    name: "streams100",
    title: "100 streams, a chunk each 50 ms",
    mock: { ...oneChunk, chunks: 20, paceUs: 50_000, burst: false },
    connections: 100,
    staggerMs: 1_000,
    cpuPer: "chunk",
  },
  {
    ...common,
    name: "streams1000",
    title: "1,000 streams, a chunk each 50 ms",
    mock: { ...oneChunk, chunks: 20, paceUs: 50_000, burst: false },
    connections: 1_000,
    staggerMs: 1_000,
    inQuick: true,
    cpuPer: "chunk",
  },
  {
    ...common,
    name: "low-load",
    title: "25 requests a second, a chunk each 5 ms",
    mock: { ...oneChunk, chunks: 16, paceUs: 5_000, burst: false },
    connections: 25,
    rate: 25,
    inQuick: true,
  },
  ...[[10_000, false], [100_000, false], [1_000_000, true], [8_000_000, false]].map(([bytes, inQuick]) => ({
    ...common,
    name: `body-${Number(bytes) / 1_000}k`,
    title: `bodies of ${Number(bytes) / 1_000} KB, one at a time`,
    mock: oneChunk,
    bodyBytes: Number(bytes),
    connections: 1,
    inQuick: Boolean(inQuick),
  })),
  {
    ...common,
    name: "ids-128k",
    title: "128 k token ids, one at a time",
    mock: oneChunk,
    bodyBytes: 800_000,
    tokenIds: true,
    connections: 1,
  },
  { ...common, name: "churn", title: "a connection for each request", mock: oneChunk, connections: 32, churn: true },
];
