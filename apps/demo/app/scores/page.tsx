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
      title="Follow a match and a race on one shared clock"
      intro={
        <>
          The server simulates both while a page like this is open. The clocks follow the server’s
          time, so they are equal on every device.
        </>
      }
      place="h-[1614px] sm:h-[1566px] lg:h-[978px]"
      excerpts={[
        { file: "features/scores/live.ts", source: live },
        { file: "features/scores/server.ts", source: server },
        { file: "app/scores/page.tsx", source: page, region: "page" },
        { file: "features/scores/scores-board.tsx", source: scoresBoard },
      ]}
      how={
        <>
          The whole state of the match is one message with a <Code>key</Code>, so a new page needs
          only the newest one, and so does an instance that takes over the simulation. A referee’s
          decision is a message, too. The state names the last decision that it includes, so none is
          lost or counted twice. Clocks send no ticks: a message says when a clock started, and each
          page computes the rest from the server’s time, which <Code>useServerTime</Code> estimates
          from the fastest of the last messages. One instance at a time runs the simulation; each
          state has the fencing number of its run.
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
