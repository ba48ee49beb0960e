// A small GET on a worker, with a limit: metrics, models, and what a canary reads before and after.

import type { HeaderList } from "./leg_headers.ts";
import type { UpstreamClient } from "./upstream/client.ts";

export type WorkerText =
  | { readonly is: "text"; readonly status: number; readonly text: string }
  | { readonly is: "failed"; readonly reason: string };

export function getFromWorker(
  upstream: UpstreamClient,
  worker: { readonly url: string; readonly path: string; readonly apiKey: string | null; readonly limitMs: number },
): Promise<WorkerText> {
  const headers: HeaderList = [["accept-encoding", "identity"]];
  if (worker.apiKey !== null) headers.push(["authorization", `Bearer ${worker.apiKey}`]);
  const request = { method: "GET", path: worker.path, headers, body: [], retryStaleSocket: true };
  return new Promise((resolve) => {
    const decoder = new TextDecoder();
    let status = 0;
    let text = "";
    const finish = (result: WorkerText) => {
      clearTimeout(timer);
      resolve(result);
    };
    const call = upstream.request(worker.url, request, {
      head: (head) => void (status = head.status),
      data: (chunk) => void (text += decoder.decode(chunk, { stream: true })),
      end: () => finish({ is: "text", status, text: text + decoder.decode() }),
      fail: (failure) => finish({ is: "failed", reason: failure.message }),
    });
    const timer = setTimeout(() => {
      call.abort();
      finish({ is: "failed", reason: `no answer within ${worker.limitMs / 1000} s` });
    }, worker.limitMs);
  });
}
