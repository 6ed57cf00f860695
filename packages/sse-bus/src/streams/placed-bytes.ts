import { decodeChunk } from "./chunk-data.ts";
import { runNumber } from "./stream-channels.ts";

/** Bytes of a run, and the offset of the first one. */
export interface PlacedBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Many chunks of a run. */
export interface RunPart extends PlacedBytes {
  readonly run: string;
}

/** The data of a part from the log; undefined if it is none. Whether its run counts, only the fold knows. */
export function readPart(data: unknown): RunPart | undefined {
  const placed = readPlaced(data);
  const run = placed && (data as { readonly r?: unknown }).r;
  return placed && runNumber(run) !== undefined ? { run: run as string, ...placed } : undefined;
}

/** The bytes of a chunk or a part from the log; undefined if it is none. */
export function readPlaced(data: unknown): PlacedBytes | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { o, t, b } = data as { readonly o?: unknown; readonly t?: unknown; readonly b?: unknown };
  const bytes = isCount(o) ? decodeChunk({ t, b }) : undefined;
  return bytes && { offset: o as number, bytes };
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
