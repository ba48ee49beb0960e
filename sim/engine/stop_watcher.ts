// Text of an answer as it grows, held back while it could still become a stop string.

export interface Watched {
  readonly text: string;
  /** The stop string that was reached; the text ends before it. */
  readonly stop: string | null;
}

export class StopWatcher {
  readonly #stops: readonly string[];
  readonly #holdBack: number;
  #pending = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
    this.#holdBack = Math.max(0, ...stops.map((stop) => stop.length - 1));
  }

  /** Text that is safe to show after `piece`; with `last`, everything that is left. */
  add(piece: string, last: boolean): Watched {
    this.#pending += piece;
    const reached = this.#stops
      .map((stop) => ({ stop, at: this.#pending.indexOf(stop) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (reached) return { text: this.#take(reached.at), stop: reached.stop };
    return { text: this.#take(last ? this.#pending.length : this.#pending.length - this.#holdBack), stop: null };
  }

  #take(count: number): string {
    const text = this.#pending.slice(0, Math.max(0, count));
    this.#pending = this.#pending.slice(text.length);
    return text;
  }
}
