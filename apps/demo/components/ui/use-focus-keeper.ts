import { useLayoutEffect, useRef } from "react";

/**
 * For an element whose controls appear and disappear: when the focused control is removed, the element
 * takes the focus, so that keyboard users do not start again from the top of the page.
 *
 * Spread it on the element.
 */
export function useFocusKeeper<Kept extends HTMLElement>() {
  const place = useRef<Kept>(null);
  const hasFocus = useRef(false);

  useLayoutEffect(() => {
    // React fires no blur for removed elements, so `hasFocus` is still set.
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
