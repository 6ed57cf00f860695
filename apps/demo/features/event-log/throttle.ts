/**
 * Runs `task` immediately, then at most once every `intervalMs`; the last request always runs. Uses a
 * timer, because hidden tabs get no animation frames.
 */
export function throttle(task: () => void, intervalMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;

  function run(): void {
    again = false;
    timer = setTimeout(settle, intervalMs);
    task();
  }

  function settle(): void {
    timer = undefined;
    if (again) run();
  }

  return {
    request: (): void => {
      if (timer === undefined) run();
      else again = true;
    },
    cancel: (): void => {
      clearTimeout(timer);
      timer = undefined;
      again = false;
    },
  };
}
