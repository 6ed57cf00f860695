import { Badge, Dot, type Tone } from "./badge";

const labels = {
  idle: { tone: "neutral", label: "Connecting" },
  connecting: { tone: "neutral", label: "Connecting" },
  open: { tone: "good", label: "Live" },
  reconnecting: { tone: "warn", label: "Reconnecting" },
  paused: { tone: "warn", label: "Offline" },
  failed: { tone: "bad", label: "Refused" },
  closed: { tone: "bad", label: "Closed" },
} satisfies Record<string, { tone: Tone; label: string }>;

/** A channel's status, as the hook reports it. */
export type ConnectionStatus = keyof typeof labels;

export function ConnectionBadge({ status }: { status: ConnectionStatus }) {
  const { tone, label } = labels[status];
  const waiting = tone === "neutral" || status === "reconnecting";
  return (
    <Badge tone={tone}>
      <Dot waiting={waiting} />
      <output data-testid="connection-state">{label}</output>
    </Badge>
  );
}
