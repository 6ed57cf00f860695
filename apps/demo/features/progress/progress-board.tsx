"use client";

import { useState } from "react";
import { useTask, useTasks } from "sse-bus/react";
import type { TaskListSnapshot, TaskSnapshot } from "sse-bus/tasks";
import { cancel, start } from "@/app/actions/progress";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { ConnectionBadge } from "@/components/ui/connection-badge";
import { BuildLog } from "./build-log";
import { buildId, type JobKind, kindOf } from "./job";
import { JobList } from "./job-list";
import { UploadForm } from "./upload-form";

interface ProgressBoardProps {
  list: TaskListSnapshot;
  build: TaskSnapshot;
}

export function ProgressBoard({ list, build }: ProgressBoardProps) {
  // #region how subscribe
  const { tasks, status } = useTasks(list);
  const { task: checks, lines, status: logStatus } = useTask(buildId, build);
  // #endregion
  const [refusal, setRefusal] = useState<string>();
  const of = (kind: JobKind) => tasks.filter((task) => kindOf(task) === kind);
  const run = (what: Parameters<typeof start>[0]) => void start(what).then(setRefusal);
  const stop = (id: string) => void cancel(id).then(setRefusal);

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
        aside={<ConnectionBadge status={logStatus} />}
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
          jobs={checks ? [checks] : []}
          onCancel={stop}
          whenEmpty="Runs Node’s test runner in a separate process."
        />
        <BuildLog lines={lines} />
      </Card>
      <output className="block min-h-5 text-sm/5 text-bad lg:col-span-2">{refusal}</output>
    </div>
  );
}
