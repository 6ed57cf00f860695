import { formatBytes } from "@/lib/format";
import type { Sensor } from "./feed";

export function formatValue(value: number | undefined, unit: Sensor["unit"]): string {
  if (value === undefined) return "–";
  if (unit === "B") return formatBytes(value);
  if (unit === "B/s") return `${formatBytes(value)}/s`;
  const digits = Math.abs(value) >= 100 ? 0 : 1;
  const number =
    Math.abs(value) >= 10_000 ? `${(value / 1_000).toFixed(1)}k` : value.toFixed(digits);
  return unit === "/s" ? `${number}/s` : `${number} ${unit}`.trim();
}

/** The direction as a shape, so that colour is not the only sign. */
export function formatChange(change: number): string {
  if (change === 0) return "=";
  return change > 0 ? "▲" : "▼";
}
