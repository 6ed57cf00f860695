import Link from "next/link";
import type { ReactNode } from "react";
import type { Section } from "@/lib/navigation.ts";

export interface Sample {
  readonly title: string;
  readonly file: string;
  readonly code: ReactNode;
}

interface Props {
  readonly start: string;
  readonly samples: readonly Sample[];
  readonly sections: readonly Section[];
}

const GUARANTEES = [
  {
    title: "Nothing lost on a reconnect",
    text: "A stream resumes exactly after the last message that arrived. If history no longer covers it, the page gets a gap and loads again.",
    href: "/docs/protocol",
  },
  {
    title: "A slow client costs a cursor",
    text: "There is one log and no queue per client. A client that stalls catches up from the log, without slowing others down.",
    href: "/docs/architecture",
  },
  {
    title: "One server or many",
    text: "Start in memory. Set one variable, and all instances share a log in Redis, PostgreSQL or NATS.",
    href: "/docs/backends/redis",
  },
  {
    title: "Typed end to end",
    text: "Declare schemas once. The compiler checks publish calls, and the hooks infer what arrives.",
    href: "/docs/react",
  },
  {
    title: "More than messages",
    text: "Live values, presence, progress of tasks, and AI answers that survive a reload use the same stream.",
    href: "/docs/live-values",
  },
  {
    title: "Measured",
    text: "Every claim about speed has a committed result: medians of runs beside other servers, and the command that repeats them.",
    href: "/docs/performance",
  },
] as const;

export function Landing({ start, samples, sections }: Props) {
  return (
    <div className="mx-auto w-full max-w-7xl px-4 sm:px-6">
      <section className="grid gap-10 py-14 lg:grid-cols-[5fr_7fr] lg:gap-12 lg:py-20">
        <div className="flex flex-col items-start gap-6 lg:pt-4">
          <h1 className="text-4xl leading-[1.08] font-semibold tracking-tight text-balance sm:text-5xl">
            Real-time updates for Next.js, over plain HTTP
          </h1>
          <p className="text-lg text-pretty text-fd-muted-foreground">
            Publish a message anywhere on the server. Every open page receives it immediately, and a
            page that was offline receives what it missed. No WebSocket server, no hosted service.
          </p>
          <code className="max-w-full overflow-x-auto rounded-lg border bg-fd-card px-4 py-2.5 font-mono text-sm">
            <span className="text-fd-muted-foreground select-none">$ </span>npx sse-bus init
          </code>
          <div className="flex flex-wrap gap-3">
            <Link
              href={start}
              className="rounded-lg bg-fd-primary px-4 py-2.5 font-medium text-fd-primary-foreground hover:opacity-90"
            >
              Get started
            </Link>
            <Link
              href="/docs/api"
              className="rounded-lg border bg-fd-card px-4 py-2.5 font-medium hover:bg-fd-accent"
            >
              API reference
            </Link>
          </div>
        </div>
        <ol className="flex min-w-0 flex-col gap-5">
          {samples.map(({ title, file, code }, index) => (
            <li key={file} className="min-w-0">
              <p className="mb-2 flex flex-wrap items-baseline gap-x-2 text-sm">
                <span className="font-medium">
                  {index + 1}. {title}
                </span>
                <span className="font-mono text-xs text-fd-muted-foreground">{file}</span>
              </p>
              <div className="landing-code">{code}</div>
            </li>
          ))}
        </ol>
      </section>

      <section aria-labelledby="guarantees" className="border-t py-14">
        <h2 id="guarantees" className="mb-8 text-2xl font-semibold tracking-tight">
          What you can rely on
        </h2>
        <ul className="grid gap-x-10 gap-y-8 sm:grid-cols-2 lg:grid-cols-3">
          {GUARANTEES.map(({ title, text, href }) => (
            <li key={title}>
              <h3 className="mb-1.5 font-medium">
                <Link
                  href={href}
                  className="underline decoration-fd-border underline-offset-4 hover:decoration-current"
                >
                  {title}
                </Link>
              </h3>
              <p className="text-[0.9375rem] text-pretty text-fd-muted-foreground">{text}</p>
            </li>
          ))}
        </ul>
      </section>

      <nav aria-labelledby="all-pages" className="border-t py-14">
        <h2 id="all-pages" className="mb-8 text-2xl font-semibold tracking-tight">
          What do you want to do?
        </h2>
        <div className="grid grid-cols-2 gap-x-6 gap-y-10 sm:grid-cols-3 lg:grid-cols-6">
          {sections.map(({ title, items }) => (
            <div key={title} className={items.length > 8 ? "col-span-2" : undefined}>
              <h3 className="mb-3 text-sm font-medium">{title}</h3>
              <ul
                className={`gap-6 text-sm text-fd-muted-foreground *:mb-2 ${items.length > 8 ? "columns-2" : ""}`}
              >
                {items.map((item) => {
                  const { address, label } = "overview" in item ? item.overview : item;
                  return (
                    <li key={address}>
                      <Link
                        href={address}
                        prefetch={false}
                        className="hover:text-fd-foreground hover:underline"
                      >
                        {label}
                      </Link>
                    </li>
                  );
                })}
              </ul>
            </div>
          ))}
        </div>
      </nav>
    </div>
  );
}
