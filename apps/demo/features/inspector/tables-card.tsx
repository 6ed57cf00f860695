import type { ReactNode } from "react";
import type { ChannelSnapshot, ConnectionSnapshot } from "sse-bus";
import { Badge } from "@/components/ui/badge";
import { Card } from "@/components/ui/card";
import { formatBytes } from "@/lib/format";
import type { InstanceSnapshot } from "./snapshot";

export function ConnectionsCard({ now }: { now: InstanceSnapshot | undefined }) {
  const { total = 0, listed = [] } = now?.connections ?? {};
  return (
    <TableCard
      title="Connections"
      total={total}
      shown={listed.length}
      whenEmpty="No stream is open on this instance."
      columns={["Id", "Identity", "Channels", "Cursor", "Lag", "Age", "Sink", "Bytes"]}
    >
      {listed.map((connection) => (
        <ConnectionRow key={connection.id} connection={connection} />
      ))}
    </TableCard>
  );
}

function ConnectionRow({ connection }: { connection: ConnectionSnapshot }) {
  const { id, identity, channels, cursor, lag, ageMs, sink, bytes } = connection;
  return (
    <tr>
      <Cell isMono title={id}>
        {id.slice(0, 8)}
      </Cell>
      <Cell title={identity?.id}>
        <span className="block max-w-32 truncate">{identity?.id ?? "–"}</span>
      </Cell>
      <Cell isMono isWide>
        {channels.join(" ")}
      </Cell>
      <Cell isMono>{cursor ?? "opening"}</Cell>
      <Cell isNumber>
        {lag === 0 ? "0" : <Badge tone="warn">{lag.toLocaleString("en")} behind</Badge>}
      </Cell>
      <Cell isNumber>{formatAge(ageMs)}</Cell>
      <Cell>{sink}</Cell>
      <Cell isNumber>{formatBytes(bytes)}</Cell>
    </tr>
  );
}

interface ChannelsCardProps {
  now: InstanceSnapshot | undefined;
  before: InstanceSnapshot | undefined;
}

export function ChannelsCard({ now, before }: ChannelsCardProps) {
  const { total = 0, listed = [] } = now?.channels ?? {};
  const seconds = now && before ? (now.time - before.time) / 1_000 : 0;
  const counts = new Map(before?.channels.listed.map(({ name, received }) => [name, received]));
  return (
    <TableCard
      title="Channels"
      total={total}
      shown={listed.length}
      whenEmpty="No channel is read on this instance."
      columns={["Channel", "Rate", "Readers", "Kept", "Bytes kept", "Horizon"]}
    >
      {listed.map((channel) => {
        const grown = channel.received - (counts.get(channel.name) ?? Number.NaN);
        const rate = seconds > 0 && grown >= 0 ? grown / seconds : undefined;
        return <ChannelRow key={channel.name} channel={channel} rate={rate} />;
      })}
    </TableCard>
  );
}

interface ChannelRowProps {
  channel: ChannelSnapshot;
  rate: number | undefined;
}

function ChannelRow({ channel, rate }: ChannelRowProps) {
  const { name, readers, messages, bytes, horizon } = channel;
  return (
    <tr>
      <Cell isMono isWide>
        {name}
      </Cell>
      <Cell isNumber>{rate === undefined ? "–" : `${rate.toFixed(1)}/s`}</Cell>
      <Cell isNumber>{readers.toLocaleString("en")}</Cell>
      <Cell isNumber>{messages.toLocaleString("en")}</Cell>
      <Cell isNumber>{formatBytes(bytes)}</Cell>
      <Cell isMono>{horizon ?? "opening"}</Cell>
    </tr>
  );
}

interface TableCardProps {
  title: string;
  total: number;
  shown: number;
  whenEmpty: string;
  columns: readonly string[];
  children: ReactNode;
}

function TableCard({ title, total, shown, whenEmpty, columns, children }: TableCardProps) {
  return (
    <Card
      title={title}
      aside={<Badge>{total.toLocaleString("en")}</Badge>}
      className="flex h-80 flex-col"
    >
      <section
        aria-label={`${title}, as a table`}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto overscroll-contain -outline-offset-2"
      >
        <table className="w-full border-collapse text-left text-sm">
          <thead className="sticky top-0 bg-sunken text-xs text-muted">
            <tr>
              {columns.map((column) => (
                <th
                  key={column}
                  scope="col"
                  className="px-4 py-2 font-medium whitespace-nowrap sm:px-5"
                >
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">{children}</tbody>
        </table>
        {shown === 0 && <p className="px-6 py-12 text-center text-sm text-muted">{whenEmpty}</p>}
      </section>
      <p className="min-h-9 border-t border-line px-4 py-2 text-xs/5 text-muted tabular-nums sm:px-5">
        {total > shown && `${shown} listed, ${(total - shown).toLocaleString("en")} more.`}
      </p>
    </Card>
  );
}

interface CellProps {
  isMono?: boolean;
  isWide?: boolean;
  isNumber?: boolean;
  title?: string | undefined;
  children: ReactNode;
}

function Cell({ isMono, isWide, isNumber, title, children }: CellProps) {
  const look = `${isMono ? "font-mono text-xs" : ""} ${isNumber ? "tabular-nums" : ""} ${
    isWide ? "min-w-40 max-w-md break-all" : "whitespace-nowrap"
  }`;
  return (
    <td title={title} className={`px-4 py-2 align-top sm:px-5 ${look}`}>
      {children}
    </td>
  );
}

function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
