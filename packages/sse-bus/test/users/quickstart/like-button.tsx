"use client";

import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { likes } from "./likes.ts";

interface Props {
  readonly snapshot: LiveSnapshot<number>;
  readonly like: () => Promise<void>;
}

export function LikeButton({ snapshot, like }: Props) {
  const { data } = useLive(likes, snapshot);
  return <button onClick={() => void like()}>{data} likes</button>;
}
