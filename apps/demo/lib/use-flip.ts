import { type RefObject, useLayoutEffect, useRef } from "react";

const moveMs = 400;

/**
 * Lets the children of an element glide to where a new order puts them. They are in that order in
 * the document already: only their looks are late. Children are known by `data-flip`.
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
      // What is still under way starts from where it is seen.
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
