import { join } from "node:path";
import { expect, test } from "vitest";
import { backendFromUrl } from "../../packages/sse-bus/src/backends/index.ts";
import { createBus, internalsOf } from "../../packages/sse-bus/src/core/bus.ts";
import type { Bus } from "../../packages/sse-bus/src/core/bus-types.ts";
import { createTasks, type TaskState } from "../../packages/sse-bus/src/tasks/index.ts";
import { liveTask } from "../../packages/sse-bus/src/tasks/task-live.ts";
import { watchMachine } from "../support/machine-stalls.ts";
import { type RunningProcess, startProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import type { ServerUrl } from "../support/server-url.ts";
import { waitFor } from "../support/wait-for.ts";

export interface TasksSuiteOptions {
  readonly name: string;
  use(): Promise<ServerUrl>;
  readonly leaseMs: number;
}

const FIXTURE = join(repository, "test/backends/fixtures/task-instance.mjs");
/** How long to wait for what is then judged by the time it took. */
const PATIENCE_MS = 20_000;

/** Instances in processes of their own run tasks, and the test reads them. */
export function testTasks({ name, use, leaseMs }: TasksSuiteOptions): void {
  test(`${name}: tasks of an instance that is killed are lost everywhere within three leases, and another one cancels them`, async () => {
    await using server = await use();
    await using machine = await watchMachine();
    const busName = `tasks-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    const processes: RunningProcess[] = [];
    const errors: Error[] = [];
    const connect = (): Bus =>
      createBus({
        backend: backendFromUrl(server.url, { name: busName }),
        onError: (error) => void errors.push(error),
      });
    /** It only reads, as an instance does that serves pages: it reports nothing as lost itself. */
    await using reader = connect();
    internalsOf(reader).attachments.set("leaseMs", leaseMs);

    async function start(...run: string[]): Promise<RunningProcess> {
      const started = await startProcess(process.execPath, [FIXTURE], {
        ready: /ready/,
        env: {
          BUS_URL: server.url,
          BUS_NAME: busName,
          LEASE_MS: String(leaseMs),
          RUN: run.join(),
        },
      });
      processes.push(started);
      return started;
    }

    /** How long it took until the reader received the state, without the machine's stalls. */
    async function until(id: string, state: TaskState, since: number): Promise<number> {
      const live = liveTask({ id });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${id} is not ${state}`)),
          3 * leaseMs + PATIENCE_MS,
        );
        const check = async (): Promise<void> => {
          if ((await live.read(reader)).value?.state !== state) return;
          clearTimeout(timer);
          unsubscribe();
          resolve();
        };
        const unsubscribe = reader.subscribe(() => void check().catch(reject), {
          channel: `tasks/${id}`,
        });
        void check().catch(reject);
      });
      const now = performance.now();
      return now - since - machine.between(since, now);
    }

    try {
      const survivor = await start();
      const victim = await start("cancelled", "lost-1", "lost-2");
      for (const id of ["cancelled", "lost-1", "lost-2"]) await until(id, "running", 0);

      const other = connect();
      const tasks = createTasks({ bus: other });
      await expect(tasks.run({ id: "lost-1", title: "Again" }, () => {})).rejects.toMatchObject({
        code: "TASK_RUNNING",
      });
      // A line that was not sent when its instance was killed is lost.
      await waitFor("the line", async () => (await tasks.read("lost-1")).lines.length > 0);
      const cancelledAt = performance.now();
      await tasks.cancel("cancelled");
      const cancelMs = await until("cancelled", "cancelled", cancelledAt);
      await other.close();

      const killedAt = performance.now();
      await victim.kill();
      const lostMs = [];
      for (const id of ["lost-1", "lost-2"]) lostMs.push(await until(id, "lost", killedAt));
      await sees(survivor, /<lost-1 lost>/);
      // A page that opens now sees the same, with the task's last lines.
      const late = connect();
      const shown = await createTasks({ bus: late }).read("lost-1");
      expect(shown.task).toMatchObject({ state: "lost", done: 1, total: 2 });
      expect(shown.lines).toEqual([{ n: 1, text: "a line of lost-1" }]);
      await late.close();

      // It shuts down: it says so itself, at once.
      const leaving = await start("left");
      await until("left", "running", 0);
      const leftAt = performance.now();
      leaving.signal("SIGTERM");
      const leftMs = await until("left", "lost", leftAt);

      // Nobody is left who could report it. The next instance does.
      const last = await start("alone");
      await until("alone", "running", 0);
      await survivor.kill();
      await last.kill();
      const next = await start();
      const nextMs = await until("alone", "lost", performance.now());
      await sees(next, /<alone lost>/);

      console.log(
        `${name}: cancelled after ${cancelMs.toFixed(0)} ms, killed and lost after ${(Math.max(...lostMs) / leaseMs).toFixed(2)} leases, shut down and lost after ${leftMs.toFixed(0)} ms, lost ${(nextMs / leaseMs).toFixed(2)} leases after a restart of all; the machine stalled for up to ${Math.round(machine.longestMs)} ms.`,
      );
      expect(cancelMs).toBeLessThan(leaseMs);
      expect(Math.max(...lostMs)).toBeLessThan(3 * leaseMs);
      expect(leftMs).toBeLessThan(leaseMs);
      expect(nextMs).toBeLessThan(3 * leaseMs);
      expect(errors).toEqual([]);
    } catch (cause) {
      const outputs = processes.map((each) => each.output()).join("\n");
      throw new Error(`${(cause as Error).message}\n${outputs}`, { cause });
    } finally {
      await Promise.all(processes.map((each) => each.stop()));
    }
  });
}

async function sees(instance: RunningProcess, states: RegExp): Promise<void> {
  await expect.poll(() => instance.output(), { timeout: PATIENCE_MS }).toMatch(states);
}
