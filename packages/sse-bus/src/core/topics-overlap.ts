/**
 * Whether some channel is covered by both. Each of them is a channel or a pattern: `orders/*` and
 * `orders/42` overlap, and so do `orders/*` and `orders/**`, but not `orders/*` and `orders/42/lines`.
 */
export function topicsOverlap(a: string, b: string): boolean {
  if (a === b) return true;
  const left = a.split("/");
  const right = b.split("/");
  for (let index = 0; ; index++) {
    const one = left[index];
    const other = right[index];
    // `**` stands for at least one segment.
    if (one === "**") return other !== undefined;
    if (other === "**") return one !== undefined;
    if (one === undefined || other === undefined) return one === other;
    if (one !== other && one !== "*" && other !== "*") return false;
  }
}
