import type { ReactNode } from "react";

interface Excerpt {
  /** The path in `apps/demo`. */
  file: string;
  /** The file's text: `import text from "./server.ts?raw"`. */
  source: string;
  /** The region to show: the name after `#region how`. @default the whole file */
  region?: string;
}

interface HowItWorksProps {
  excerpts: readonly Excerpt[];
  children: ReactNode;
}

/**
 * A collapsible section with the source that matters: whole files, and regions between `// #region how NAME`
 * and `// #endregion`. The build takes them from the running code, so they cannot be out of date.
 */
export function HowItWorks({ excerpts, children }: HowItWorksProps) {
  return (
    <details className="group mt-6 rounded-xl border border-line bg-surface">
      <summary className="flex cursor-pointer list-none items-center gap-2 rounded-xl px-4 py-3.5 font-semibold tracking-tight -outline-offset-2 sm:px-5 [&::-webkit-details-marker]:hidden">
        <span aria-hidden="true" className="text-muted group-open:rotate-90">
          ▸
        </span>
        How it works
      </summary>
      <div className="grid grid-cols-1 gap-4 border-t border-line p-4 sm:p-5">
        <div className="max-w-3xl text-sm/6 text-muted">{children}</div>
        <div className="gap-4 xl:columns-2">
          {excerpts.map(({ file, source, region }) => (
            <figure
              key={`${file} ${region}`}
              className="mb-4 break-inside-avoid rounded-lg border border-line bg-sunken"
            >
              <figcaption className="border-b border-line px-3 py-2 font-mono text-xs break-words text-muted">
                {file}
              </figcaption>
              <pre
                // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
                tabIndex={0}
                className="overflow-x-auto p-3 font-mono text-xs/5 -outline-offset-2"
              >
                <code>{region === undefined ? source.trim() : cutRegion(source, region)}</code>
              </pre>
            </figure>
          ))}
        </div>
      </div>
    </details>
  );
}

/** Reserves the height of the closed section. */
export function HowItWorksPlace() {
  return <div className="mt-6 h-13.5 rounded-xl border border-line bg-surface" />;
}

/** @throws Error when the file has no such region, which fails the build */
function cutRegion(source: string, region: string): string {
  const lines = source.split("\n");
  const start = lines.findIndex((line) => line.trim() === `// #region how ${region}`);
  const length = lines.slice(start).findIndex((line) => line.trim() === "// #endregion");
  if (start < 0 || length < 0) throw new Error(`No region "how ${region}" in the given source.`);
  const cut = lines.slice(start + 1, start + length);
  const indents = cut.filter((line) => line.trim()).map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return cut
    .map((line) => line.slice(indent))
    .join("\n")
    .trim();
}
