"use client";
import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { board } from "./board.ts";

type Score = typeof board.initial;

export function Score({ snapshot }: { readonly snapshot: LiveSnapshot<Score> }) {
  const { data, status } = useLive(board, snapshot);
  return (
    <p data-live={status === "open"}>
      {data.home} : {data.away}
    </p>
  );
}
