export function runSimSglang(_argv: readonly string[]): Promise<number> {
  return Promise.resolve(1);
}
