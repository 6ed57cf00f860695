import { isPattern, isReserved } from "./channel-name.ts";

/**
 * Finds what is registered for a channel, under its name or under patterns that cover it, in time
 * that grows with the channel's depth and not with how many channels or patterns are registered. No
 * pattern covers a reserved channel.
 */
export interface TopicIndex<Value> {
  readonly exact: Map<string, Set<Value>>;
  readonly patterns: PatternNode<Value>;
}

interface PatternNode<Value> {
  /** Children by literal segment; `*` is kept among them, as no channel can hold it. */
  readonly next: Map<string, PatternNode<Value>>;
  /** Patterns that end here; made with the first one, as most nodes only lead on. */
  here: Set<Value> | undefined;
  /** Patterns that continue with `**`. */
  below: Set<Value> | undefined;
}

export function createTopicIndex<Value>(): TopicIndex<Value> {
  return { exact: new Map(), patterns: createNode() };
}

export function addTopic<Value>(index: TopicIndex<Value>, topic: string, value: Value): void {
  if (isPattern(topic)) {
    const { node, end } = pathTo(index, topic).at(-1) as PathStep<Value>;
    (node[end] ??= new Set()).add(value);
    return;
  }
  const values = index.exact.get(topic);
  if (values) values.add(value);
  else index.exact.set(topic, new Set([value]));
}

export function removeTopic<Value>(index: TopicIndex<Value>, topic: string, value: Value): void {
  if (!isPattern(topic)) {
    const values = index.exact.get(topic);
    if (values?.delete(value) && values.size === 0) index.exact.delete(topic);
    return;
  }
  // From the leaf upwards: a branch nobody needs any more is cut, so that churn leaves nothing.
  const path = pathTo(index, topic).toReversed();
  const { node: leaf, end } = path[0] as PathStep<Value>;
  if (leaf[end]?.delete(value) && leaf[end].size === 0) leaf[end] = undefined;
  for (const { parent, segment, node } of path) {
    if (node.next.size === 0 && !node.here && !node.below) parent?.next.delete(segment);
  }
}

/** Calls `visit` for every value registered for `channel`. */
export function visitTopics<Value>(
  index: TopicIndex<Value>,
  channel: string,
  visit: (value: Value) => void,
): void {
  index.exact.get(channel)?.forEach(visit);
  const root = index.patterns;
  if (isReserved(channel) || (root.next.size === 0 && !root.below)) return;
  walk(root, channel.split("/"), 0, visit);
}

interface PathStep<Value> {
  parent: PatternNode<Value> | undefined;
  segment: string;
  node: PatternNode<Value>;
  /** Where the pattern is kept, if it ends with this step. */
  end: "here" | "below";
}

function pathTo<Value>(index: TopicIndex<Value>, pattern: string): PathStep<Value>[] {
  const steps: PathStep<Value>[] = [
    { parent: undefined, segment: "", node: index.patterns, end: "here" },
  ];
  for (const segment of pattern.split("/")) {
    const last = steps.at(-1) as PathStep<Value>;
    if (segment === "**") {
      last.end = "below";
      break;
    }
    let node = last.node.next.get(segment);
    if (!node) last.node.next.set(segment, (node = createNode()));
    steps.push({ parent: last.node, segment, node, end: "here" });
  }
  return steps;
}

function walk<Value>(
  node: PatternNode<Value>,
  segments: readonly string[],
  depth: number,
  visit: (value: Value) => void,
): void {
  if (depth === segments.length) {
    node.here?.forEach(visit);
    return;
  }
  node.below?.forEach(visit);
  const literal = node.next.get(segments[depth] as string);
  if (literal) walk(literal, segments, depth + 1, visit);
  const star = node.next.get("*");
  if (star) walk(star, segments, depth + 1, visit);
}

function createNode<Value>(): PatternNode<Value> {
  return { next: new Map(), here: undefined, below: undefined };
}
