import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { publishTo, startHub } from "../hub/hub-process.ts";
import { openStream } from "../support/event-stream.ts";
import { repository } from "../support/repository.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
}

const read = (path: string): Promise<string> => readFile(join(repository, path), "utf8");

const alerts = await read("deploy/prometheus/alerts.yaml");
const { groups } = parse(alerts) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(await read("deploy/grafana/sse-bus.json")) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);
const expressions = [...rules.map(({ alert, expr }) => [alert, expr] as const), ...queries];

/** The labels of each metric of a running hub, with the values that it has. */
const served = new Map<string, Map<string, Set<string>>>();

beforeAll(async () => {
  await using hub = await startHub();
  await using stream = await openStream(`${hub.url}/sse?channel=a`);
  await stream.next("hello");
  await publishTo(hub, 1, "a");
  await stream.next("message");
  await fetch(`${hub.url}/sse?channel=no%20spaces`);
  const text = await (await fetch(`${hub.url}/metrics`)).text();
  for (const [, name = ""] of text.matchAll(/^# TYPE (\S+)/gm)) served.set(name, new Map());
  for (const [, name = "", labels = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      const known = served.get(name) ?? new Map<string, Set<string>>();
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
});

/** What Prometheus adds to every metric. */
const ADDED = ["job", "instance"];

test.each(expressions)("%s uses metrics and labels that the hub has: %s", (_, expression) => {
  const { selectors, labels, errors } = readPromql(expression);
  expect(errors).toEqual([]);
  expect(selectors.length).toBeGreaterThan(0);
  const known = new Set(ADDED);
  for (const { metric, matchers } of selectors) {
    expect([...served.keys()]).toContain(metric);
    for (const label of served.get(metric)?.keys() ?? []) known.add(label);
    for (const [label, value] of matchers) {
      if (ADDED.includes(label)) continue;
      expect([...(served.get(metric)?.get(label) ?? [])], `${metric}{${label}}`).toContain(value);
    }
  }
  for (const label of labels) expect([...known]).toContain(label);
});

test("a metric, a label or a value that does not exist is found", () => {
  const { selectors } = readPromql('sum by (x) (rate(sse_bus_no{reason="slow", x=~"$job"}[5m]))');
  expect(selectors).toEqual([
    {
      metric: "sse_bus_no",
      matchers: [
        ["reason", "slow"],
        ["x", "$job"],
      ],
    },
  ]);
  expect(readPromql('sum by (x) (rate(a{b="c"}[5m]))').labels).toEqual(["x"]);
  expect(readPromql("sum by (").errors).not.toEqual([]);
});

test("the dashboard shows every metric of the package", () => {
  const text = JSON.stringify(dashboard);
  const own = [...served.keys()].filter((name) => name.startsWith("sse_bus_"));
  expect(own.length).toBeGreaterThan(20);
  expect(own.filter((name) => !text.includes(name))).toEqual([]);
});

test("no panels of the dashboard overlap, and each has a title and a description", () => {
  const taken = new Set<string>();
  for (const { title, type, description, gridPos } of dashboard.panels) {
    expect(title).not.toBe("");
    if (type !== "row") expect(description, title).toMatch(/\.$/);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
  }
  const variables = dashboard.templating.list.map(({ name }) => name);
  const used = [...JSON.stringify(dashboard.panels).matchAll(/\$\{?(?!__)(\w+)/g)];
  for (const [, name] of used) expect(variables).toContain(name);
});

describe("docs/operations.md", () => {
  test("lists exactly the metrics of the package, with their labels", async () => {
    const page = await read("docs/operations.md");
    const listed = [...page.matchAll(/`(sse_bus_\w+)(?:\{(\w+)\})?`/g)];
    const own = [...served.keys()].filter((name) => name.startsWith("sse_bus_"));
    expect(new Set(listed.map(([, name]) => name))).toEqual(new Set(own));
    for (const [, name = "", label] of listed) {
      if (label !== undefined) expect([...(served.get(name)?.keys() ?? [])]).toEqual([label]);
    }
  });

  test("says for each alert what to do, where its `runbook` leads", async () => {
    const page = await read("docs/operations.md");
    const headings = [...page.matchAll(/^### (SseBus\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    }
  });
});

test("alerts.test.yaml tests every alert", async () => {
  const text = await read("deploy/prometheus/alerts.test.yaml");
  for (const { alert, annotations } of rules) {
    expect(text).toContain(`alertname: ${alert}`);
    expect(text).toContain(`runbook: ${annotations.runbook}`);
  }
});

interface Selector {
  readonly metric: string;
  readonly matchers: readonly (readonly [label: string, value: string])[];
}

/** What an expression of Prometheus refers to. */
function readPromql(expression: string) {
  // Grafana fills these in.
  const text = expression.replaceAll("$__rate_interval", "1m");
  const selectors: { metric: string; matchers: [string, string][] }[] = [];
  const labels: string[] = [];
  const errors: string[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const here = text.slice(from, to);
      if (type.isError) errors.push(`${from}: ${here}`);
      if (type.name === "VectorSelector") selectors.push({ metric: "", matchers: [] });
      const selector = selectors.at(-1);
      if (type.name === "Identifier" && node.parent?.name === "VectorSelector" && selector) {
        selector.metric = here;
      }
      if (type.name === "UnquotedLabelMatcher" && selector) {
        const [, label = "", value = ""] = /^(\w+)\s*(?:=~|!=|!~|=)\s*"(.*)"$/.exec(here) ?? [];
        selector.matchers.push([label, value]);
      }
      if (type.name === "LabelName" && node.parent?.name === "GroupingLabels") labels.push(here);
    },
  });
  return { selectors: selectors as Selector[], labels, errors };
}
