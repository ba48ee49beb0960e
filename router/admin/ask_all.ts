// One request to each worker, and what became of it.

import type { HeaderList } from "../leg_headers.ts";
import type { Slot } from "../roster.ts";
import type { RouterIo } from "../router_io.ts";

export interface Asked {
  readonly worker: string;
  readonly role: string;
  readonly step: string;
  /** Null when it could not be asked. */
  readonly status: number | null;
  /** The worker's own words, or why it could not be asked. */
  readonly body: unknown;
}

export interface Call {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly body: Uint8Array;
}

type AskIo = Pick<RouterIo, "upstream" | "roster"> & Partial<Pick<RouterIo, "turns" | "aborts">>;

/** Weights of a large model take minutes; trainers give up after some twelve. */
const LIMIT_MS = 900_000;

/** At once, because a broadcast of weights only goes on when every engine takes part. `callOf` makes each worker's own call. */
export async function askAll(
  slots: readonly Slot[],
  callOf: (slot: Slot, index: number) => Call,
  io: AskIo,
): Promise<Asked[]> {
  // Before and after: what is made meanwhile may be by the old weights or the new.
  io.turns?.forgetAll();
  io.aborts?.note();
  const asked = await Promise.all(slots.map((slot, index) => ask(slot, callOf(slot, index), io)));
  io.turns?.forgetAll();
  io.aborts?.note();
  return asked;
}

export function isGood({ status }: Asked): boolean {
  return status !== null && status < 400;
}

/** Prefill before decode: the order in which trainers count the workers. Those that wait for new weights are among them. */
export function everyWorker({ roster }: Pick<RouterIo, "roster">): readonly Slot[] {
  const running = roster.all().filter(({ worker }) => worker.state.is === "ready");
  return (["prefill", "decode", "regular"] as const).flatMap((role) =>
    running.filter(({ worker }) => worker.facts.role === role)
  );
}

function ask(slot: Slot, { method, path, body }: Call, { upstream, roster }: AskIo): Promise<Asked> {
  const headers: HeaderList = [["accept-encoding", "identity"]];
  if (body.length > 0) headers.push(["content-type", "application/json"]);
  if (roster.workerApiKey !== null) headers.push(["authorization", `Bearer ${roster.workerApiKey}`]);
  const about = { worker: slot.name, role: slot.worker.facts.role, step: path };
  return new Promise((resolve) => {
    const decoder = new TextDecoder();
    let status = 0;
    let text = "";
    const finish = (asked: Pick<Asked, "status" | "body">) => {
      clearTimeout(timer);
      resolve({ ...about, ...asked });
    };
    const call = upstream.request(slot.worker.url, { method, path, headers, body: [body], retryStaleSocket: false }, {
      head: (head) => void (status = head.status),
      data: (chunk) => void (text += decoder.decode(chunk, { stream: true })),
      end: () => finish({ status, body: readBody(text) }),
      fail: (failure) => finish({ status: null, body: failure.message }),
    });
    const timer = setTimeout(() => {
      call.abort();
      finish({ status: null, body: `no answer within ${LIMIT_MS / 1000} s` });
    }, LIMIT_MS);
  });
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text === "" ? null : text;
  }
}
