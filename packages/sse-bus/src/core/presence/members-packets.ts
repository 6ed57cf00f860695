import { createBytesPacket, type Packet } from "../packet.ts";
import type { Position } from "../position.ts";
import { type Contribution, PRESENCE_EVENT } from "./contribution.ts";

/** Bytes of the members in one frame; a single member may be larger. */
const MAX_FRAME_BYTES = 60_000;

const encoder = new TextEncoder();
/** Each contribution is encoded once, however often the set is sent. */
const encoded = new WeakMap<Contribution, Uint8Array>();

/**
 * The `members` frames of a channel, for all streams that begin now. They have no id: the set is not in
 * the log, and a client must not resume from it.
 */
export function createMembersPackets(
  channel: string,
  contributions: Iterable<Contribution>,
  { at, to }: { readonly at: string; readonly to: Position },
): readonly Packet[] {
  const groups = groupBySize(contributions);
  const start = `event: ${PRESENCE_EVENT}\ndata: {"type":"members","channel":${JSON.stringify(channel)},"at":${JSON.stringify(at)}`;
  return groups.map((group, index) =>
    toPacket(`${start},"part":${index + 1},"of":${groups.length},"members":[`, group, to),
  );
}

function groupBySize(contributions: Iterable<Contribution>): Uint8Array[][] {
  let group: Uint8Array[] = [];
  const groups = [group];
  let size = 0;
  for (const contribution of contributions) {
    const bytes = encode(contribution);
    if (size + bytes.length > MAX_FRAME_BYTES && group.length > 0) {
      groups.push((group = []));
      size = 0;
    }
    group.push(bytes);
    size += bytes.length + 1;
  }
  return groups;
}

function encode(contribution: Contribution): Uint8Array {
  let bytes = encoded.get(contribution);
  if (!bytes) {
    bytes = encoder.encode(JSON.stringify(contribution));
    encoded.set(contribution, bytes);
  }
  return bytes;
}

function toPacket(start: string, group: readonly Uint8Array[], to: Position): Packet {
  const head = encoder.encode(start);
  const size =
    head.length +
    group.reduce((sum, { length }) => sum + length, 0) +
    Math.max(0, group.length - 1) +
    END.length;
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let offset = head.length;
  for (const [index, each] of group.entries()) {
    if (index > 0) bytes[offset++] = COMMA;
    bytes.set(each, offset);
    offset += each.length;
  }
  bytes.set(END, offset);
  return createBytesPacket(bytes, to);
}

const COMMA = 44;
const END: Uint8Array = encoder.encode("]}\n\n");
