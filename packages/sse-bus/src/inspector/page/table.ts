import { keyedList, make, setText, type Tone } from "./dom.ts";
import { formatCount } from "./format.ts";

/** One column of a table. */
export interface Column<Row> {
  readonly name: string;
  readonly text: (row: Row) => string;
  readonly tone?: (row: Row) => Tone;
  /** Monospaced. */
  readonly isCode?: boolean;
  /** Long text, which may break. */
  readonly isWide?: boolean;
  /** Makes the text a button. */
  readonly onClick?: (row: Row) => void;
  /** What the button does, where its text alone does not say it. */
  readonly label?: (row: Row) => string;
}

export interface TableOptions<Row> {
  readonly title: string;
  readonly className?: string;
  readonly columns: readonly Column<Row>[];
  readonly key: (row: Row) => string;
  readonly whenEmpty: string;
}

/** A table in a card, with the number of rows that there are and of those that are listed. */
export interface Table<Row> {
  readonly element: HTMLElement;
  update(total: number, rows: readonly Row[]): void;
}

export function createTable<Row>(options: TableOptions<Row>): Table<Row> {
  const { title, className = "", columns, key, whenEmpty } = options;
  const id = `table-${title.toLowerCase().replaceAll(" ", "-")}`;
  const count = make("p", { class: "badge" });
  const body = make("tbody");
  const empty = make("p", { class: "empty" }, whenEmpty);
  const rest = make("p", { class: "rest", hidden: "" });
  const heads = columns.map(({ name }) => make("th", { scope: "col" }, name));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body);
  const region = { role: "region", "aria-label": `${title}, as a table`, tabindex: "0" };
  const element = make(
    "section",
    { class: `card ${className}`, "aria-labelledby": id },
    make("div", { class: "title" }, make("h2", { id }, title), count),
    make("div", { class: "scroll", ...region }, table, empty),
    rest,
  );

  /** What a row's buttons act on: its data is replaced each second. */
  const current = new WeakMap<HTMLElement, Row>();

  function createCell(column: Column<Row>, row: HTMLElement): HTMLElement {
    const cell = make("td", {
      class: `${column.isCode ? "mono" : ""} ${column.isWide ? "wide" : ""}`,
    });
    const { onClick } = column;
    if (!onClick) return cell;
    const button = make("button", { type: "button", class: column.label ? "" : "link" });
    button.addEventListener("click", () => onClick(current.get(row) as Row));
    cell.append(button);
    return cell;
  }

  const rows = keyedList<Row, HTMLElement>(body, {
    key,
    create() {
      const row = make("tr");
      row.append(...columns.map((column) => createCell(column, row)));
      return row;
    },
    update(element, row) {
      current.set(element, row);
      for (const [index, column] of columns.entries()) {
        const cell = element.children[index] as HTMLElement;
        const shown = (cell.firstElementChild as HTMLElement | null) ?? cell;
        setText(shown, column.text(row));
        if (column.label) shown.setAttribute("aria-label", column.label(row));
        if (column.tone) shown.dataset["tone"] = column.tone(row);
      }
    },
  });

  return {
    element,
    update(total, listed) {
      setText(count, formatCount(total));
      rows.update(listed);
      table.hidden = listed.length === 0;
      empty.hidden = listed.length > 0;
      rest.hidden = total <= listed.length;
      setText(rest, `${listed.length} listed, ${formatCount(total - listed.length)} more.`);
    },
  };
}
