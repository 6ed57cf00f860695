"use client";

import { useRouter } from "next/navigation";
import { useRefresh } from "sse-bus/react";

interface Props {
  readonly channel: string;
  readonly cursor: string;
}

export function RefreshOn({ channel, cursor }: Props) {
  useRefresh(channel, useRouter().refresh, { cursor });
  return null;
}
