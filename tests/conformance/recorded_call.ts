// One call to a worker with everything its sink was told, and a check that it was told in the right order.

import type {
  Origin,
  ResponseHead,
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamRequest,
} from "../../router/upstream/client.ts";

export interface RecordedCall {
  readonly call: UpstreamCall;
  readonly head: Promise<ResponseHead>;
  /** Resolves with the first chunk's size. */
  readonly firstData: Promise<number>;
  /** Resolves at `end` or `fail`. */
  readonly done: Promise<Outcome>;
  /** The callbacks so far, by name. */
  readonly events: readonly string[];
}

export interface Outcome {
  readonly head: ResponseHead | null;
  readonly body: Buffer;
  /** Null when the answer ended. */
  readonly failure: UpstreamFailure | null;
}

export function postRequest(more: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const body = [new TextEncoder().encode(`{"a":1}`)];
  return { method: "POST", path: "/v1/x?y=1", headers: [], body, retryStaleSocket: true, ...more };
}

export function recordCall(
  client: UpstreamClient,
  origin: Origin,
  request: UpstreamRequest,
  onData: () => void | Promise<unknown> = () => {},
): RecordedCall {
  const events: string[] = [];
  const chunks: Buffer[] = [];
  let seen: ResponseHead | null = null;
  const head = Promise.withResolvers<ResponseHead>();
  const firstData = Promise.withResolvers<number>();
  const done = Promise.withResolvers<Outcome>();
  const call = client.request(origin, request, {
    head(answer) {
      events.push("head");
      seen = answer;
      head.resolve(answer);
    },
    data(chunk) {
      events.push("data");
      chunks.push(Buffer.from(chunk));
      firstData.resolve(chunk.length);
      return onData();
    },
    end() {
      events.push("end");
      done.resolve({ head: seen, body: Buffer.concat(chunks), failure: null });
    },
    fail(failure) {
      events.push("fail");
      done.resolve({ head: seen, body: Buffer.concat(chunks), failure });
    },
  });
  return { call, head: head.promise, firstData: firstData.promise, done: done.promise, events };
}
