/** What a grid is told of its columns; TanStack Table does the sorting, grouping and summing. */

import {
  aggregationFn_sum,
  type ColumnDef,
  columnGroupingFeature,
  columnVisibilityFeature,
  createExpandedRowModel,
  createGroupedRowModel,
  createSortedRowModel,
  rowAggregationFeature,
  rowExpandingFeature,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
} from "@tanstack/svelte-table";

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** What it is sorted and summed by; a column without one is drawn by the grid's `cell`. */
  readonly value?: (row: T) => number | string | null;
  readonly format?: (value: number, row?: T) => string;
  /** Summed over the rows of a group, and over all. */
  readonly isSummed?: boolean;
  readonly isLeft?: boolean;
  /** Drawn by the grid's `cell`, though it has a value to sort by. */
  readonly isDrawn?: boolean;
  /** The heading above it, shared with its neighbours. */
  readonly above?: string;
}

export const features = tableFeatures({
  rowSortingFeature,
  columnVisibilityFeature,
  columnGroupingFeature,
  rowAggregationFeature,
  rowExpandingFeature,
  sortedRowModel: createSortedRowModel(),
  groupedRowModel: createGroupedRowModel(),
  expandedRowModel: createExpandedRowModel(),
  sortFns: { basic: sortFn_basic },
  aggregationFns: { sum: aggregationFn_sum },
});

type Definition<T extends object> = ColumnDef<typeof features, T, unknown>;

/** Columns as TanStack Table has them, neighbours with the same heading under it. */
export function define<T extends object>(columns: readonly Column<T>[]): Definition<T>[] {
  const found: Definition<T>[] = [];
  columns.forEach((column, place) => {
    if (!column.above) found.push(defineOne(column));
    else if (columns[place - 1]?.above !== column.above) {
      const end = columns.findIndex((each, later) => later > place && each.above !== column.above);
      const under = columns.slice(place, end < 0 ? undefined : end).map(defineOne);
      found.push({ id: `above ${column.id}`, header: column.above, columns: under } as Definition<T>);
    }
  });
  return found;
}

function defineOne<T extends object>(column: Column<T>): Definition<T> {
  return {
    id: column.id,
    header: column.title,
    ...(column.value ? { accessorFn: column.value } : {}),
    enableSorting: column.value !== undefined,
    sortFn: "basic",
    ...(column.isSummed ? { aggregationFn: "sum" } : {}),
  } as Definition<T>;
}

/** Moves the focus among the buttons and links of a table by the arrow keys. */
export function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const region = event.currentTarget as HTMLElement;
  if (!step || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  const rows = [...region.querySelectorAll("tbody tr")]
    .map((row) => [...row.querySelectorAll<HTMLElement>("button:not(:disabled), a[href]")])
    .filter((row) => row.length);
  if (!rows.length) return; // the keys scroll what has nothing to choose
  const from = rows.findIndex((row) => row.includes(document.activeElement as HTMLElement));
  event.preventDefault();
  if (from < 0) {
    rows[0]?.[0]?.focus();
    return;
  }
  const [down = 0, right = 0] = step;
  const row = rows[from] as HTMLElement[];
  const at = row.indexOf(document.activeElement as HTMLElement);
  const next = rows[from + down] ?? row;
  next[Math.max(0, Math.min(next.length - 1, at + right))]?.focus();
}
