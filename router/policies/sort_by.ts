// Sorting for lists of a handful, where insertion beats a general sort and allocates nothing.

/** In place and stable, the smallest first. */
export function sortBy<T>(list: T[], size: (item: T) => number): T[] {
  for (let i = 1; i < list.length; i++) {
    const moving = list[i]!;
    const own = size(moving);
    let place = i;
    while (place > 0 && size(list[place - 1]!) > own) list[place] = list[--place]!;
    list[place] = moving;
  }
  return list;
}
