import { useEffect, useRef, useState } from "react";
import { useMedia } from "../hooks/use-media.ts";
import { Facts } from "./card.tsx";
import css from "./data-table.module.css";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => React.ReactNode;
  /** Numbers stand at the end. */
  readonly end?: boolean;
  readonly wide?: boolean;
  /** Never broken into lines, as times are. */
  readonly line?: boolean;
}

export interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** On a narrow screen each row becomes a card, headed by the first column. */
  readonly cards?: boolean;
}

/** A short table, all rows in the document. The device list has its own, virtual one. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowKey, cards = false } = props;
  const isNarrow = useMedia("(max-width: 640px)");
  if (cards && isNarrow) return <Cards {...props} />;
  return (
    <Scroller label={label}>
      <table className={css.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" data-end={column.end || undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td
                  key={column.title}
                  data-end={column.end || undefined}
                  data-wide={column.wide || undefined}
                  data-line={column.line || undefined}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

function Cards<Row>({ label, columns, rows, rowKey }: DataTableProps<Row>) {
  const [head, ...rest] = columns;
  return (
    <ul className={css.cards} aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)}>
          <div>{head?.cell(row)}</div>
          <Facts items={rest.map(({ title, cell }) => [title, cell(row)] as const)} />
        </li>
      ))}
    </ul>
  );
}

/** Scrolls a wide table sideways; takes part in the tab order only while there is something to scroll. */
function Scroller(props: { readonly label: string; readonly children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => setWide(element.scrollWidth > element.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const focusable = isWide ? { tabIndex: 0, role: "group", "aria-label": props.label } : {};
  return (
    <div className={css.scroller} ref={box} {...focusable}>
      {props.children}
    </div>
  );
}
