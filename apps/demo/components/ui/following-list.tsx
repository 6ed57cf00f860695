import { Children, type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./button";
import { EmptyState, type EmptyStateProps } from "./empty-state";

interface FollowingListProps {
  label: string;
  /** The newest item's id. A new one scrolls the list, unless the reader has scrolled away. */
  newest: string | undefined;
  whenEmpty: string | EmptyStateProps;
  /** Screen readers announce new items. */
  isSpoken?: boolean;
  /** `<li>`s, newest last. */
  children: ReactNode;
}

/** A list with the newest item last, like a chat. It follows the newest item until the reader scrolls away. */
export function FollowingList(props: FollowingListProps) {
  const { label, newest, whenEmpty, isSpoken = false, children } = props;
  const list = useRef<HTMLDivElement>(null);
  const [isFollowing, follow] = useState(true);
  const count = Children.count(children);

  useEffect(() => {
    if (isFollowing) list.current?.scrollTo({ top: list.current.scrollHeight });
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- it follows new items
  }, [isFollowing, newest, count]);

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={list}
        role="log"
        aria-live={isSpoken ? "polite" : "off"}
        aria-label={label}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled with the keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          follow(scrollHeight - scrollTop - clientHeight < 24)
        }
        className="h-full overflow-y-auto overscroll-contain -outline-offset-2"
      >
        {newest === undefined ? (
          <EmptyState {...(typeof whenEmpty === "string" ? { hint: whenEmpty } : whenEmpty)} />
        ) : (
          <ol className="divide-y divide-line">{children}</ol>
        )}
      </div>
      {!isFollowing && (
        <div className="absolute inset-x-0 bottom-3 grid place-items-center">
          <Button
            small
            variant="primary"
            onClick={() => {
              // The button disappears, so the list takes the focus.
              list.current?.focus();
              follow(true);
            }}
          >
            Jump to latest <span aria-hidden="true">↓</span>
          </Button>
        </div>
      )}
    </div>
  );
}
