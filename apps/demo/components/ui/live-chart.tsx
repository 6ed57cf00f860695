"use client";

import { useEffect, useInsertionEffect, useRef } from "react";
import type uPlot from "uplot";
// oxlint-disable-next-line import/no-unassigned-import -- a stylesheet exports nothing
import "uplot/dist/uPlot.min.css";
import { colourOf, onThemeChange } from "./canvas-colour";

export interface ChartLine {
  label: string;
  /** As long as `times`. */
  values: readonly (number | null)[];
  tone: "accent" | "good" | "warn" | "muted";
  /** Dashed, for when colour is not enough. */
  dashed?: boolean;
}

interface LiveChartProps {
  /** A description for screen readers. */
  label: string;
  /** In ms since 1970, ascending. */
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  /** The top of the scale. Without it, the scale fits the values. */
  max?: number;
  /** Whether the scale starts at zero. @default true */
  fromZero?: boolean;
  /** The time span to show, up to the newest value. Without it, all values. */
  windowMs?: number;
  /** In CSS pixels. */
  height?: number;
}

/** A line chart on a canvas. Its height is reserved before it loads. */
export function LiveChart(props: LiveChartProps) {
  const { label, times, lines, height = 120 } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const latest = useRef(props);
  useInsertionEffect(() => {
    latest.current = props;
  });
  const shape = lines.map((line) => line.label).join("\n");

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const undo: (() => void)[] = [];
    let isGone = false;
    // Loaded after the first paint, which has the numbers already.
    void import("uplot").then(({ default: Plot }) => {
      if (isGone) return;
      const made = new Plot(optionsOf(latest, element), dataOf(latest.current), element);
      chart.current = made;
      undo.push(
        () => made.destroy(),
        followSize(made, element),
        onThemeChange(() => made.redraw(false, true)),
      );
    });
    return () => {
      isGone = true;
      chart.current = null;
      for (const end of undo) end();
    };
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- other lines, another chart
  }, [shape]);

  useEffect(() => {
    chart.current?.setData(dataOf({ times, lines }));
  }, [times, lines]);

  return (
    <figure aria-label={label} className="min-w-0">
      <div ref={place} aria-hidden="true" style={{ height }} />
    </figure>
  );
}

function dataOf({ times, lines }: Pick<LiveChartProps, "times" | "lines">): uPlot.AlignedData {
  return [times.map((time) => time / 1_000), ...lines.map(({ values }) => [...values])];
}

function optionsOf(latest: { current: LiveChartProps }, element: HTMLElement): uPlot.Options {
  const { lines, height = 120, fromZero = true, windowMs } = latest.current;
  const tick = () => colourOf("--color-muted");
  const grid = { stroke: () => colourOf("--color-line"), width: 1 };
  const font = "11px ui-sans-serif, system-ui, sans-serif";
  return {
    width: element.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: {
        time: true,
        range: (_, low, high) => [windowMs === undefined ? low : high - windowMs / 1_000, high],
      },
      y: {
        range: (_, low, high) => {
          const { max } = latest.current;
          const top = max ?? (high > low || fromZero ? high : high + 1);
          const bottom = fromZero ? 0 : low;
          const room = max === undefined ? Math.max((top - bottom) * 0.1, 1e-6) : 0;
          return [fromZero ? 0 : bottom - room, top + room];
        },
      },
    },
    axes: [
      {
        stroke: tick,
        grid: { show: false },
        ticks: { show: false },
        font,
        size: 22,
        space: 80,
        values: (_, splits) => splits.map((seconds) => clock.format(seconds * 1_000)),
      },
      {
        stroke: tick,
        grid,
        ticks: { show: false },
        font,
        size: 62,
        space: 34,
        values: (_, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, tone, dashed }) => ({
        label,
        stroke: () => colourOf(`--color-${tone}`),
        width: 1.75,
        ...(dashed && { dash: [5, 4] }),
        points: { show: false },
      })),
    ],
  };
}

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

function followSize(chart: uPlot, element: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    chart.setSize({ width: element.clientWidth, height: chart.height });
  });
  observer.observe(element);
  return () => observer.disconnect();
}
