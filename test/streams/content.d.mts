export interface Piece {
  readonly waitMs: number;
  readonly data: string | Uint8Array;
}

export function contentOf(seed: number): Piece[];
