import { useLayoutEffect, useRef } from "react";

/**
 * For an element whose controls come and go: when the one that has the focus goes, the element takes
 * it over, so that who uses the keyboard goes on from there and not from the top of the page.
 *
 * Spread it on the element.
 */
export function useFocusKeeper<Kept extends HTMLElement>() {
  const place = useRef<Kept>(null);
  const hasFocus = useRef(false);

  useLayoutEffect(() => {
    // React keeps the blur of what it takes away to itself, so this is still what it was before.
    if (hasFocus.current && document.activeElement === document.body) place.current?.focus();
  });

  return {
    ref: place,
    tabIndex: -1,
    onFocus: () => {
      hasFocus.current = true;
    },
    onBlur: () => {
      hasFocus.current = false;
    },
  };
}
