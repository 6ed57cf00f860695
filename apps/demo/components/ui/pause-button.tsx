import { Button } from "./button";

/** Holds a list that receives messages, and shows the held ones after the resume. */
export function PauseButton({ isPaused, onToggle }: { isPaused: boolean; onToggle: () => void }) {
  return (
    <Button small variant="quiet" aria-pressed={isPaused} onClick={onToggle}>
      {isPaused ? "Resume" : "Pause"}
    </Button>
  );
}
