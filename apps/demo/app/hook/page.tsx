import type { Metadata } from "next";
import { connection } from "next/server";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import { HookLog } from "@/features/hook-log/hook-log";
import hookLog from "@/features/hook-log/hook-log.tsx?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Hook" };

export default function Page() {
  return (
    <UsePage
      title="Read the same log with a React hook"
      intro={
        <>
          <Code>useChannel</Code> shows every message since the server rendered this page. All tabs
          of this browser share one connection.
        </>
      }
      place="h-96"
      excerpts={[
        { file: "app/hook/page.tsx", source: page, region: "page" },
        { file: "features/hook-log/hook-log.tsx", source: hookLog, region: "subscribe" },
      ]}
      how={
        <>
          The server asks for the log’s newest position with <Code>bus.cursor()</Code> before it
          renders. <Code>useChannel</Code> connects from that cursor, so the page also receives
          messages that were published between the render and the connection.
        </>
      }
    >
      <LogFromHere />
    </UsePage>
  );
}

// #region how page
async function LogFromHere() {
  await connection();
  return <HookLog cursor={await bus.cursor()} />;
}
// #endregion
