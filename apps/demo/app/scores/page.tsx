import type { Metadata } from "next";
import { connection } from "next/server";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import { match, race } from "@/features/scores/live";
import live from "@/features/scores/live.ts?raw";
import { ScoresBoard } from "@/features/scores/scores-board";
import scoresBoard from "@/features/scores/scores-board.tsx?raw";
import server from "@/features/scores/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Scores" };

export default function Page() {
  return (
    <UsePage
      title="The same time on every screen"
      intro={
        <>
          A match and a race, simulated on the server while this page is open. Their clocks follow
          the server’s clock, not this device’s.
        </>
      }
      place="h-[1658px] sm:h-[1610px] md:h-[1586px] lg:h-[1042px]"
      excerpts={[
        { file: "features/scores/live.ts", source: live },
        { file: "features/scores/server.ts", source: server },
        { file: "app/scores/page.tsx", source: page, region: "page" },
        { file: "features/scores/scores-board.tsx", source: scoresBoard },
      ]}
      how={
        <>
          The whole state of the match is one message with a <Code>key</Code>, so a new page needs
          only the newest one, and so does an instance that takes the simulation over. A referee’s
          decision is a message as well; the state names the last decision it includes, so none is
          lost or counted twice. No clock ticks through the network: a message says when a clock was
          started, and each page continues from there by the server’s time, which{" "}
          <Code>useServerTime</Code> estimates from the fastest of the last messages. The simulation
          runs on one instance; every state carries the fencing number of its run.
        </>
      }
    >
      <Board />
    </UsePage>
  );
}

// #region how page
async function Board() {
  await connection();
  const [matchNow, raceNow] = await Promise.all([match.read(bus), race.read(bus)]);
  return <ScoresBoard match={matchNow} race={raceNow} renderedAt={Date.now()} />;
}
// #endregion
