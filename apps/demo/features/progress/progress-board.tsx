"use client";

import { useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { cancel, start } from "@/app/actions/progress";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { positionOf } from "@/lib/position-of";
import { useServerRender } from "@/lib/use-server-render";
import { BuildLog } from "./build-log";
import {
  addJob,
  buildChannel,
  type JobKind,
  type Jobs,
  jobsChannel,
  keptBuildLines,
  type ShownBuildLine,
} from "./job";
import { JobList } from "./job-list";
import { readBuildLine, readJob } from "./shape";
import { UploadForm } from "./upload-form";

interface ProgressBoardProps {
  jobs: Jobs;
  lines: readonly ShownBuildLine[];
  /** The bus's cursor before these were loaded. */
  cursor: string;
}

export function ProgressBoard(rendered: ProgressBoardProps) {
  const [props, refresh] = useServerRender(rendered);
  return <LiveBoard key={props.cursor} {...props} onGap={refresh} />;
}

function LiveBoard({ jobs, lines, cursor, onGap }: ProgressBoardProps & { onGap: () => void }) {
  // #region how subscribe
  const { status, data } = useChannel(jobsChannel, {
    event: "job",
    initial: jobs,
    cursor,
    reduce: (known: Jobs, data: unknown, { time }: Message) => {
      const job = readJob(data);
      return job ? addJob(known, job, time) : known;
    },
    onGap,
  });
  const log = useChannel(buildChannel, {
    event: "line",
    initial: lines,
    cursor,
    reduce: addBuildLine,
  });
  // #endregion
  const [refusal, setRefusal] = useState<string>();
  const of = (kind: JobKind) => Object.values(data).filter((job) => job.kind === kind);
  const run = (what: Parameters<typeof start>[0]) => void start(what).then(setRefusal);
  const stop = (id: string) => void cancel(id).then(setRefusal);
  const build = of("build")[0];

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <Card
        title="Task"
        aside={<ConnectionBadge status={status} />}
        actions={
          <Button small onClick={() => run("task")}>
            Start the task
          </Button>
        }
      >
        <JobList
          jobs={of("task")}
          onCancel={stop}
          whenEmpty="Two hundred rounds of work on the server."
        />
      </Card>
      <Card title="Upload" aside={<ConnectionBadge status={status} />}>
        <UploadForm />
        <JobList jobs={of("upload")} onCancel={stop} whenEmpty="The server reports the progress." />
      </Card>
      <Card
        title="Build"
        className="lg:col-span-2"
        aside={<ConnectionBadge status={log.status} />}
        actions={
          <>
            <Button small onClick={() => run("build")}>
              Run the checks
            </Button>
            <Button small variant="quiet" onClick={() => run("failing-build")}>
              Run with a failing check
            </Button>
          </>
        }
      >
        <JobList
          single
          jobs={build ? [build] : []}
          onCancel={stop}
          whenEmpty="Runs Node’s test runner in a separate process."
        />
        <BuildLog lines={log.data.filter(({ job }) => job === build?.id)} />
      </Card>
      <output className="block min-h-5 text-sm/5 text-bad lg:col-span-2">{refusal}</output>
    </div>
  );
}

function addBuildLine(
  lines: readonly ShownBuildLine[],
  data: unknown,
  message: Message,
): readonly ShownBuildLine[] {
  const line = readBuildLine(data);
  if (!line) return lines;
  const id = positionOf(message.id);
  // Messages between the page's cursor and its data are in the data already.
  if (lines.some((one) => one.id === id)) return lines;
  return [...lines, { ...line, id }].slice(-keptBuildLines);
}
