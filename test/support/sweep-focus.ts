import type { Page } from "playwright-core";

/** The result of pressing Tab through a page: empty lists are correct. */
export interface FocusSweep {
  /** Controls that it never reached. */
  readonly missed: readonly string[];
  /** Where the focus could not be seen. */
  readonly unseen: readonly string[];
  /** Controls reached before one above them. */
  readonly outOfOrder: readonly string[];
}

/** Presses Tab from the top of the page until all of its controls are reached, or none is left. */
export async function sweepFocus(page: Page): Promise<FocusSweep> {
  const count = await page.evaluate(listControls);
  for (let pressed = 0; pressed < count + 5; pressed++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(noteFocus)) break;
  }
  return page.evaluate(judge);
}

interface Swept {
  wanted: Element[];
  reached: Element[];
  unseen: Element[];
}

function listControls(): number {
  // Tab continues from the last focus, even if that element has been removed.
  const top = document.createElement("span");
  top.tabIndex = -1;
  document.body.prepend(top);
  top.focus();
  top.remove();
  const all = document.querySelectorAll<HTMLElement>(
    "a[href], button, input, select, textarea, summary, [tabindex]",
  );
  const isOnlyOfGroup = (element: Element): boolean =>
    !(element instanceof HTMLInputElement && element.type === "radio") || element.checked;
  const wanted = [...all].filter(
    (element) =>
      element.tabIndex >= 0 &&
      !element.matches(":disabled, [type=hidden]") &&
      element.checkVisibility() &&
      isOnlyOfGroup(element),
  );
  Object.assign(globalThis, { swept: { wanted, reached: [], unseen: [] } satisfies Swept });
  return wanted.length;
}

/** Whether all are reached, or the focus has left the page. */
function noteFocus(): boolean {
  const { swept } = globalThis as unknown as { swept: Swept };
  const element = document.activeElement;
  if (!element || element === document.body) return swept.reached.length > 0;
  swept.reached.push(element);
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  if (outlineStyle === "none" || outlineWidth === "0px") swept.unseen.push(element);
  return false;
}

function judge(): FocusSweep {
  const { swept } = globalThis as unknown as { swept: Swept };
  const { wanted, reached, unseen } = swept;
  const name = (element: Element) => element.outerHTML.slice(0, 120);
  // Removed elements, such as old rows of a list, cannot be reached.
  const missed = wanted.filter((element) => element.isConnected && !reached.includes(element));
  const outOfOrder = reached.filter((element, index) => {
    const before = reached[index - 1];
    return (
      before?.isConnected &&
      element.isConnected &&
      before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING
    );
  });
  return {
    missed: missed.map(name),
    unseen: unseen.map(name),
    outOfOrder: outOfOrder.map(name),
  };
}
