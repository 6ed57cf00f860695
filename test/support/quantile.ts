/** The value that the given share of the values does not exceed: 0.5 is the median, 1 the maximum. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("No values to take a quantile of");
  return value;
}
