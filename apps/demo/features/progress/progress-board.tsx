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
import { StartPanel } from "./start-panel";
import { UploadForm } from "./upload-form";

interface ProgressBoardProps {
  list: TaskListSnapshot;
  build: TaskSnapshot;
}

export function ProgressBoard({ list, build }: ProgressBoardProps) {
  // #region how subscribe
  const { tasks, status } = useTasks(list);
  const { task: checks, lines } = useTask(buildId, build);
  // #endregion
  const [refusals, setRefusals] = useState<Partial<Record<JobKind, string | undefined>>>({});
  const of = (kind: JobKind) => tasks.filter((task) => kindOf(task) === kind);
  const refuse = (kind: JobKind) => (reason: string | undefined) =>
    setRefusals((others) => ({ ...others, [kind]: reason }));
  const stop = (kind: JobKind) => (id: string) => void cancel(id).then(refuse(kind));
  const run = (what: Parameters<typeof start>[0]) =>
    void start(what).then(refuse(what === "task" ? "task" : "build"));

  return (
    <div className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      <Card title="Task" className="flex flex-col" aside={<ConnectionBadge status={status} />}>
        <StartPanel label="200 rounds of key derivation on the server" refusal={refusals.task}>
          <Button variant="primary" data-command="start-task" onClick={() => run("task")}>
            Start the task
          </Button>
        </StartPanel>
        <JobList
          jobs={of("task")}
          onCancel={stop("task")}
          whenEmpty={{
            title: "No task yet",
            hint: "Start one. Every open window shows its progress, and can cancel it.",
          }}
        />
      </Card>
      <Card title="Upload">
        <UploadForm refusal={refusals.upload} />
        <JobList
          jobs={of("upload")}
          onCancel={stop("upload")}
          whenEmpty={{
            title: "No upload yet",
            hint: "The server publishes how much it has received.",
          }}
        />
      </Card>
      <Card title="Build" className="lg:col-span-2">
        <StartPanel
          label="Checks with Node’s test runner, in a separate process"
          refusal={refusals.build}
        >
          <Button variant="primary" data-command="start-build" onClick={() => run("build")}>
            Run the checks
          </Button>
          <Button data-command="start-failing-build" onClick={() => run("failing-build")}>
            Run with a failing check
          </Button>
        </StartPanel>
        <JobList
          single
          jobs={checks ? [checks] : []}
          onCancel={stop("build")}
          whenEmpty={{
            title: "No build yet",
            hint: "Run the checks. Every open window shows their output.",
          }}
        />
        <BuildLog lines={lines} />
      </Card>
    </div>
  );
}
