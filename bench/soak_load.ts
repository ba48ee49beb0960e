// Clients with every habit: patient, impatient, large, wrong, and gone before their answer.

export interface SoakCounts {
  readonly complete: number;
  readonly aborted: number;
  /** A proper error status, or an error event inside a stream: what a dying worker leaves. */
  readonly errors: number;
  /** The connection broke. */
  readonly cut: number;
  /** Status 200, then an end without `[DONE]`. Must stay 0. */
  readonly silent: number;
}

export interface SoakLoad {
  counts(): SoakCounts;
  /** No new requests; resolves when the last one is over. */
  stop(): Promise<void>;
}

type Outcome = keyof SoakCounts;

const clients = 24;
const longestPauseMs = 600;
const longestPatienceMs = 400;

export function startSoakLoad(port: number, random: () => number = Math.random): SoakLoad {
  const counts: Record<Outcome, number> = { complete: 0, aborted: 0, errors: 0, cut: 0, silent: 0 };
  let isStopped = false;
  const client = async (): Promise<void> => {
    while (!isStopped) {
      counts[await ask(port, random)]++;
      await Bun.sleep(random() * longestPauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    counts: () => ({ ...counts }),
    async stop() {
      isStopped = true;
      await all;
    },
  };
}

async function ask(port: number, random: () => number): Promise<Outcome> {
  const aborter = new AbortController();
  const timer = random() < 0.3 ? setTimeout(() => aborter.abort(), random() * longestPatienceMs) : null;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (random() < 0.2) headers.connection = "close";
  const init = { method: "POST", body: bodyOf(random), headers, signal: aborter.signal };
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init);
    const text = await response.text();
    if (response.status !== 200 || text.includes('data: {"error"')) return "errors";
    return text.includes("[DONE]") ? "complete" : "silent";
  } catch {
    return aborter.signal.aborted ? "aborted" : "cut";
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}

function bodyOf(random: () => number): string {
  const kind = random();
  if (kind < 0.03) return '{"model":"m","messages":[';
  const bytes = kind < 0.08 ? 1_000_000 : kind < 0.2 ? 50_000 : 500;
  const content = "word ".repeat(bytes / 5);
  return JSON.stringify({ model: "m", messages: [{ role: "user", content }], stream: true, max_tokens: 64 });
}
