/**
 * Runs `task` at once, then at most once every `intervalMs` for as long as it is asked again; the
 * last request is always served. A timer rather than a frame: hidden tabs get no frames.
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
