import { memo } from "react";
import { type ChatUIMessage, textOf } from "./ui-message";

interface MessageRowProps {
  message: ChatUIMessage;
  /** The answer is still being written. */
  isGrowing: boolean;
}

export const MessageRow = memo(function MessageRow({ message, isGrowing }: MessageRowProps) {
  const isQuestion = message.role === "user";
  return (
    <li data-role={message.role} className={`px-4 py-3 sm:px-5 ${isQuestion ? "bg-sunken" : ""}`}>
      <p className="text-sm font-medium text-muted">{isQuestion ? "You" : "Assistant"}</p>
      <p
        className="mt-1 max-w-3xl text-sm/6 break-words whitespace-pre-wrap"
        data-testid="message-text"
      >
        {textOf(message)}
        {isGrowing && (
          <span
            aria-hidden="true"
            className="ml-0.5 inline-block h-4 w-1.5 animate-breathe bg-accent align-text-bottom"
          />
        )}
      </p>
      {message.metadata?.isStopped && <p className="mt-1 text-sm text-muted">Stopped here.</p>}
    </li>
  );
});
