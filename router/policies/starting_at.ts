// The same list, begun at another place: what comes first takes turns, what follows stays in order.

export function startingAt<T>(list: readonly T[], first: number): T[] {
  const length = list.length;
  const turned = new Array<T>(length);
  for (let i = 0; i < length; i++) turned[i] = list[(first + i) % length]!;
  return turned;
}
