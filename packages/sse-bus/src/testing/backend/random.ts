/** Random numbers that a seed repeats, so that a failing schedule can be run again. */
export interface Random {
  readonly seed: number;
  /** An integer from 0 up to, and not including, `limit`. */
  below(limit: number): number;
  pick<T>(values: readonly T[]): T;
  chance(probability: number): boolean;
}

/** mulberry32: 32 bits of state are plenty for choosing schedules. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    below,
    pick: <T>(values: readonly T[]) => values[below(values.length)] as T,
    chance: (probability) => next() < probability,
  };
}
