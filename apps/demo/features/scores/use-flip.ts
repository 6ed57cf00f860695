import { type RefObject, useLayoutEffect, useRef } from "react";

const moveMs = 400;

/**
 * Animates the children of an element to their new positions after a reorder. The document already
 * has the new order. Children are identified by `data-flip`.
 */
export function useFlip(list: RefObject<HTMLElement | null>): void {
  const places = useRef(new Map<string, number>());

  useLayoutEffect(() => {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const next = new Map<string, number>();
    for (const child of list.current?.children ?? []) {
      if (!(child instanceof HTMLElement)) continue;
      const key = child.dataset.flip ?? "";
      const place = child.offsetTop;
      const from = places.current.get(key);
      next.set(key, place);
      if (from === undefined || from === place || isCalm) continue;
      // A running animation continues from its current position.
      const offset =
        child.getAnimations().length > 0 ? new DOMMatrix(getComputedStyle(child).transform).f : 0;
      for (const animation of child.getAnimations()) animation.cancel();
      child.animate(
        [{ transform: `translateY(${from - place + offset}px)` }, { transform: "none" }],
        { duration: moveMs, easing: "ease-in-out" },
      );
    }
    places.current = next;
  });
}
