// What one window of load told about one router.

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export interface Sample {
  readonly router: string;
  readonly scenario: string;
  readonly requestsPerSecond: number;
  /** NaN when nothing was answered. */
  readonly cpuUsPerRequest: number;
  readonly cpuUsPerChunk: number;
  readonly ttftUs: Percentiles;
  /** From the worker's send to the client's receipt. */
  readonly chunkUs: Percentiles;
  /** Of all its processes, pages they share counted once (PSS). */
  readonly memoryMb: number;
  readonly errors: number;
  /** Something else used the router's core. */
  readonly isNoisy: boolean;
}

/** The line `load` prints. */
export interface LoadReport {
  readonly seconds: number;
  readonly requests: number;
  readonly chunks: number;
  readonly errors: number;
  readonly ttft_us: Percentiles;
  readonly chunk_us: Percentiles;
  readonly total_us: Percentiles;
  readonly cpu_us: number;
  readonly pss_kb: number;
}

export function toSample(router: string, scenario: string, report: LoadReport, isNoisy: boolean): Sample {
  return {
    router,
    scenario,
    requestsPerSecond: report.requests / report.seconds,
    cpuUsPerRequest: per(report.cpu_us, report.requests),
    cpuUsPerChunk: per(report.cpu_us, report.chunks),
    ttftUs: report.ttft_us,
    chunkUs: report.chunk_us,
    memoryMb: report.pss_kb / 1_024,
    errors: report.errors,
    isNoisy,
  };
}

/** NaN where nothing came: a router that answers nothing in a window has no cost per answer. */
function per(costUs: number, count: number): number {
  return count === 0 ? NaN : costUs / count;
}
