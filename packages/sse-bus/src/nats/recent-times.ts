/** The times of the newest messages, by position. Each new message replaces the oldest one. */
export interface RecentTimes {
  add(seq: number, time: number): void;
  get(seq: number): number | undefined;
  clear(): void;
}

const SIZE = 4096;

export function createRecentTimes(): RecentTimes {
  const seqs = new Float64Array(SIZE);
  const times = new Float64Array(SIZE);
  return {
    add(seq, time) {
      seqs[seq % SIZE] = seq;
      times[seq % SIZE] = time;
    },
    get: (seq) => (seqs[seq % SIZE] === seq ? times[seq % SIZE] : undefined),
    clear: () => void seqs.fill(0),
  };
}
