import type { AxeResults } from "axe-core";

/** The rules of axe whose result depends on colours. The other rules have the same result in light and dark. */
export const colorRules: readonly string[] = ["color-contrast", "link-in-text-block"];

/**
 * What axe finds in the page, which has loaded `axe.source`.
 *
 * @param rules Only these rules. Default: all of them.
 */
export async function violations(
  page: { evaluate(run: string): Promise<unknown> },
  rules?: readonly string[],
): Promise<string[]> {
  // What passes is not described: most of the time would go into the selectors of its elements.
  const options = {
    resultTypes: ["violations"],
    ...(rules !== undefined && { runOnly: { type: "rule", values: rules } }),
  };
  const results = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResults;
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`),
  );
}
