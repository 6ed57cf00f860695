import type { Metadata } from "next";
import { connection } from "next/server";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import { AppLogCard } from "@/features/system/app-log-card";
import appLog from "@/features/system/app-log.ts?raw";
import { lines, samples } from "@/features/system/live";
import live from "@/features/system/live.ts?raw";
import { MachineCard } from "@/features/system/machine-card";
import machineCard from "@/features/system/machine-card.tsx?raw";
import server from "@/features/system/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "System" };

export default function Page() {
  return (
    <UsePage
      title="Monitor this server’s load and log"
      intro={
        <>
          Measurements of the server, one per second, and the lines that it writes to its console.
          The server measures only while a page like this is open.
        </>
      }
      place="h-[1940px] md:h-[1238px] xl:h-[988px]"
      excerpts={[
        { file: "features/system/live.ts", source: live },
        { file: "features/system/server.ts", source: server },
        { file: "app/system/page.tsx", source: page, region: "page" },
        { file: "features/system/machine-card.tsx", source: machineCard },
        { file: "features/system/app-log.ts", source: appLog },
      ]}
      how={
        <>
          <Code>defineLive</Code> defines how messages become a value: two minutes of samples, and
          the last lines of the log. The server and the page import the same definition.{" "}
          <Code>samples.read(bus)</Code> computes the value on the server, and <Code>useLive</Code>{" "}
          continues from its cursor, so the page misses no message between the render and the
          connection. After a gap, the page computes the value again from what the log keeps.
        </>
      }
    >
      <Monitor />
    </UsePage>
  );
}

// #region how page
async function Monitor() {
  await connection();
  const [machines, log] = await Promise.all([samples.read(bus), lines.read(bus)]);
  return (
    <div className="grid grid-cols-1 gap-6">
      <MachineCard snapshot={machines} />
      <AppLogCard snapshot={log} />
    </div>
  );
}
// #endregion
