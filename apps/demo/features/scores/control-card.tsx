import { useState } from "react";
import { command } from "@/app/actions/scores";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { type Command, type Match, type Team, teamNames, teams } from "./scores";

export function ControlCard({ match }: { match: Match | undefined }) {
  const [answer, setAnswer] = useState<string>();
  const isPlaying = match?.isPlaying ?? true;
  const ask = (asked: Command) =>
    void command(asked).then(setAnswer, () =>
      setAnswer("The server could not be reached. Try again."),
    );

  return (
    <Card title="Control panel" className="flex flex-col lg:h-128">
      <div className="grid gap-3 border-b border-line p-4 sm:px-5">
        <p className="text-sm/6 text-muted">
          There is one simulation. These buttons control it for all visitors.
        </p>
        <div className="flex flex-wrap gap-2">
          <Button
            variant="primary"
            className="min-w-24"
            data-command="play-pause"
            onClick={() => ask({ kind: isPlaying ? "pause" : "play" })}
          >
            {isPlaying ? "Pause" : "Play"}
          </Button>
          <Button data-command="restart" onClick={() => ask({ kind: "restart" })}>
            Restart
          </Button>
        </div>
      </div>
      <div className="grid flex-1 content-start gap-3 p-4 sm:px-5">
        <h3 className="font-medium">Referee</h3>
        <p className="text-sm/6 text-muted">Every open window shows these decisions immediately.</p>
        <div className="grid grid-cols-2 gap-3">
          {teams.map((team) => (
            <TeamControls key={team} team={team} onAsk={ask} />
          ))}
        </div>
        <div>
          <Button data-command="undo" onClick={() => ask({ kind: "undo" })}>
            Undo
          </Button>
        </div>
      </div>
      <output className="block min-h-10 border-t border-line empty:border-transparent px-4 py-2.5 text-sm/5 text-bad sm:px-5">
        {answer}
      </output>
    </Card>
  );
}

function TeamControls({ team, onAsk }: { team: Team; onAsk: (asked: Command) => void }) {
  return (
    <fieldset className="grid min-w-0 gap-2 rounded-lg border border-line p-3">
      <legend className="px-1 text-sm font-medium">{teamNames[team]}</legend>
      {(["goal", "yellow card", "red card"] as const).map((kind) => (
        <Button
          key={kind}
          small
          aria-label={`${kind} for ${teamNames[team]}`}
          data-command={`${kind} ${team}`}
          onClick={() => onAsk({ kind, team })}
        >
          {kind[0]?.toUpperCase()}
          {kind.slice(1)}
        </Button>
      ))}
    </fieldset>
  );
}
