/**
 * Everything that the page shows goes through `textContent`: what the bus has published is text, never markup. The
 * page's policy (`trusted-types 'none'`) refuses every other way.
 */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An element that the page has from the start. */
export function byId(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

/** Changes the text only where it is another one, so that selections and screen readers are left alone. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export type Tone = "" | "good" | "warn" | "bad";

export function setBadge(badge: HTMLElement, text: string, tone: Tone): void {
  setText(badge, text);
  badge.dataset["tone"] = tone;
}

/** Keeps one child for each key, in order: those that stay are moved only if they have to be, and keep the focus. */
export interface KeyedList<Item> {
  update(items: readonly Item[]): void;
}

export interface KeyedOptions<Item, Child extends Element> {
  readonly key: (item: Item) => string;
  readonly create: (item: Item) => Child;
  readonly update: (child: Child, item: Item) => void;
}

export function keyedList<Item, Child extends Element>(
  parent: Element,
  { key, create, update }: KeyedOptions<Item, Child>,
): KeyedList<Item> {
  let children = new Map<string, Child>();
  return {
    update(items) {
      const next = new Map<string, Child>();
      for (const item of items) {
        const name = key(item);
        const child = children.get(name) ?? create(item);
        update(child, item);
        next.set(name, child);
      }
      for (const [name, child] of children) if (!next.has(name)) child.remove();
      let place = parent.firstElementChild;
      for (const child of next.values()) {
        if (child === place) place = place.nextElementSibling;
        else parent.insertBefore(child, place);
      }
      children = next;
    },
  };
}
