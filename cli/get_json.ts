// What a server answers to GET, as JSON; null for anything else.

/** Long enough for an engine that is busy, short enough for an address where nobody listens. */
const limitMs = 30_000;

export async function getJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
