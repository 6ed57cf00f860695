import type { InstanceReport } from "../../http/instance-report.ts";
import type { ConnectionSnapshot } from "../../http/inspect.ts";
import { formatAge, formatBytes, formatCount, formatRate } from "./format.ts";
import { createTable } from "./table.ts";

/** The tables of one instance. */
export interface Tables {
  readonly elements: readonly HTMLElement[];
  update(reports: readonly InstanceReport[], may: { readonly disconnect: boolean }): void;
}

export interface TablesOptions {
  /** Opens the dialog for a stream. */
  readonly onDisconnect: (stream: ConnectionSnapshot) => void;
  /** Shows the messages of a channel. */
  readonly onFollow: (channel: string) => void;
}

export function createTables({ onDisconnect, onFollow }: TablesOptions): Tables {
  const streams = createTable<ConnectionSnapshot>({
    title: "Streams",
    key: ({ id }) => id,
    whenEmpty: "No stream is open on this instance.",
    columns: [
      { name: "Id", text: ({ id }) => id.slice(0, 8), isCode: true },
      { name: "Identity", text: ({ identity }) => identity?.id ?? "–", isWide: true },
      { name: "Channels", text: ({ channels }) => channels.join(" "), isCode: true, isWide: true },
      { name: "Cursor", text: ({ cursor }) => cursor ?? "opening", isCode: true },
      {
        name: "Lag",
        text: ({ lag }) => (lag === 0 ? "0" : `${formatCount(lag)} behind`),
        tone: ({ lag }) => (lag > 0 ? "warn" : ""),
      },
      { name: "Age", text: ({ ageMs }) => formatAge(ageMs) },
      { name: "Sink", text: ({ sink }) => sink },
      { name: "Bytes", text: ({ bytes }) => formatBytes(bytes) },
      {
        name: "Action",
        text: () => "Disconnect",
        label: ({ id, identity }) => `Disconnect ${identity?.id ?? id.slice(0, 8)}`,
        onClick: onDisconnect,
      },
    ],
  });
  const channels = createTable<ChannelRow>({
    title: "Channels",
    key: ({ name }) => name,
    whenEmpty: "No channel is read on this instance.",
    columns: [
      {
        name: "Channel",
        text: ({ name }) => name,
        isCode: true,
        isWide: true,
        onClick: (row) => onFollow(row.name),
      },
      { name: "Rate", text: ({ rate }) => (rate === undefined ? "–" : formatRate(rate)) },
      { name: "Streams", text: ({ readers, subscribers }) => formatCount(readers - subscribers) },
      { name: "Subscribers", text: ({ subscribers }) => formatCount(subscribers) },
      { name: "Kept", text: ({ messages }) => formatCount(messages) },
      { name: "Bytes kept", text: ({ bytes }) => formatBytes(bytes) },
      { name: "Horizon", text: ({ horizon }) => horizon ?? "opening", isCode: true },
    ],
  });
  const presence = createTable<InstanceReport["presence"]["listed"][number]>({
    title: "Presence",
    className: "third",
    key: ({ channel }) => channel,
    whenEmpty: "No member has a stream on this instance.",
    columns: [
      { name: "Channel", text: ({ channel }) => channel, isCode: true, isWide: true },
      { name: "Members", text: ({ members }) => formatCount(members) },
      { name: "Who (streams)", text: whoOf, isWide: true },
    ],
  });
  const tasks = createTable<InstanceReport["tasks"]["listed"][number]>({
    title: "Tasks",
    className: "third",
    key: ({ id, owner = "" }) => `${owner}\n${id}`,
    whenEmpty: "No task runs on this instance.",
    columns: [
      { name: "Task", text: ({ title, id }) => title ?? id, isWide: true },
      { name: "Owner", text: ({ owner }) => owner ?? "–" },
      { name: "Progress", text: progressOf },
      { name: "Since", text: ({ startedAt }) => formatAge(Date.now() - startedAt) },
    ],
  });
  const durable = createTable<InstanceReport["streams"]["listed"][number]>({
    title: "Durable streams",
    className: "third",
    key: ({ channel, startedAt }) => `${channel} ${startedAt}`,
    whenEmpty: "No durable stream runs on this instance.",
    columns: [
      { name: "Stream", text: ({ channel }) => channel, isCode: true, isWide: true },
      { name: "Bytes", text: ({ bytes }) => formatBytes(bytes) },
      { name: "Since", text: ({ startedAt }) => formatAge(Date.now() - startedAt) },
    ],
  });

  return {
    elements: [streams, channels, presence, tasks, durable].map(({ element }) => element),
    update(reports, may) {
      const now = reports.at(-1);
      if (!now) return;
      streams.element.classList.toggle("read-only", !may.disconnect);
      streams.update(now.connections.total, now.connections.listed);
      channels.update(now.channels.total, withRates(now, reports.at(-2)));
      presence.update(now.presence.total, now.presence.listed);
      tasks.update(now.tasks.total, now.tasks.listed);
      durable.update(now.streams.total, now.streams.listed);
    },
  };
}

type ChannelRow = InstanceReport["channels"]["listed"][number] & {
  readonly rate: number | undefined;
};

function withRates(now: InstanceReport, before: InstanceReport | undefined): ChannelRow[] {
  const seconds = before ? (now.time - before.time) / 1000 : 0;
  const counts = new Map(before?.channels.listed.map(({ name, received }) => [name, received]));
  return now.channels.listed.map((channel) => {
    const grown = channel.received - (counts.get(channel.name) ?? Number.NaN);
    return { ...channel, rate: seconds > 0 && grown >= 0 ? grown / seconds : undefined };
  });
}

function whoOf({ members, shown }: InstanceReport["presence"]["listed"][number]): string {
  const names = shown.map(({ id, streams }) => `${id} (${streams})`).join(", ");
  return members > shown.length
    ? `${names} and ${formatCount(members - shown.length)} more`
    : names;
}

function progressOf({ done, total, step }: InstanceReport["tasks"]["listed"][number]): string {
  const parts = [
    done === undefined ? "" : formatCount(done),
    total === undefined ? "" : `of ${formatCount(total)}`,
    step ?? "",
  ];
  return parts.filter(Boolean).join(" ") || "–";
}
