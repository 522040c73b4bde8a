/** Draws the volatility surface on a canvas: coloured facets, with axes for strike, expiry and volatility. */

import { formatDay, formatDeviations, formatPercent } from "./format";
import type { Palette } from "./palette";
import { makeFacets, type Projected, project, type Vertex, type View } from "./projection";
import type { Mesh } from "./surface";

/** Height of the box against its width. */
const TALL = 0.62;
/** Rows that are drawn from one expiry to the next. */
const ROWS_BETWEEN = 6;
/** What of the smaller side of the canvas the box takes. */
const SHARE = 0.28;

export function drawMesh(
  context: CanvasRenderingContext2D,
  mesh: Mesh,
  view: View,
  palette: Palette,
  pixelRatio: number,
): void {
  const { width, height } = context.canvas;
  const unit = SHARE * Math.min(width, height * 1.25);
  const place = (at: Projected): [number, number] => [width / 2 + unit * at.x, height / 2 + unit * at.y];
  context.clearRect(0, 0, width, height);
  context.lineWidth = pixelRatio;
  context.font = `${12 * pixelRatio}px system-ui, "DejaVu Sans", sans-serif`;
  drawFloor(context, view, palette, place);
  for (const facet of makeFacets(makeVertices(mesh), view)) {
    context.beginPath();
    facet.corners.forEach((corner, n) => {
      const [x, y] = place(corner);
      if (n === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.closePath();
    context.fillStyle = colour((facet.height / TALL + 1) / 2);
    context.fill();
    context.strokeStyle = palette.panel;
    context.lineWidth = pixelRatio / 2;
    context.stroke();
  }
  drawWords(context, mesh, view, palette, place);
}

/** Across by moneyness, away by the order of expiries, up by volatility. */
function makeVertices(mesh: Mesh): (Vertex | null)[][] {
  const [low, high] = [mesh.deviations[0] ?? 0, mesh.deviations.at(-1) ?? 1];
  const last = Math.max(1, mesh.expiriesMs.length - 1);
  const span = Math.max(1e-9, mesh.most - mesh.least);
  const rows = mesh.volatilities.map((values, row) =>
    values.map((value, column) =>
      value === null
        ? null
        : {
            x: (2 * ((mesh.deviations[column] ?? 0) - low)) / (high - low) - 1,
            y: (2 * row) / last - 1,
            z: TALL * ((2 * (value - mesh.least)) / span - 1),
          },
    ),
  );
  // a single expiry is shown as a band, between two the surface is straight
  if (rows.length === 1) return [...rows, ...rows.map((row) => row.map((each) => each && { ...each, y: 1 }))];
  return rows.flatMap((row, n) => (n === 0 ? [row] : refine(rows[n - 1] ?? [], row)));
}

/** Rows between two and the second of them. */
function refine(from: readonly (Vertex | null)[], to: readonly (Vertex | null)[]): (Vertex | null)[][] {
  return Array.from({ length: ROWS_BETWEEN }, (_, step) => {
    const share = (step + 1) / ROWS_BETWEEN;
    return to.map((end, column) => {
      const begin = from[column];
      if (share === 1 || !end || !begin) return share === 1 ? end : null;
      return { x: end.x, y: mix(begin.y, end.y, share), z: mix(begin.z, end.z, share) };
    });
  });
}

const mix = (from: number, to: number, share: number): number => from * (1 - share) + to * share;

/** From blue for low over green to yellow for high, of even lightness on dark and light. */
function colour(share: number): string {
  const bounded = Math.min(1, Math.max(0, share));
  return `hsl(${230 - 185 * bounded} 62% ${46 + 10 * bounded}%)`;
}

const FLOOR: readonly Vertex[] = [
  { x: -1, y: -1, z: -TALL },
  { x: 1, y: -1, z: -TALL },
  { x: 1, y: 1, z: -TALL },
  { x: -1, y: 1, z: -TALL },
];

function drawFloor(
  context: CanvasRenderingContext2D,
  view: View,
  palette: Palette,
  place: (at: Projected) => [number, number],
): void {
  context.strokeStyle = palette.line;
  context.beginPath();
  for (const [n, corner] of FLOOR.entries()) {
    const [x, y] = place(project(corner, view));
    if (n === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.closePath();
  for (const corner of FLOOR) {
    context.moveTo(...place(project(corner, view)));
    context.lineTo(...place(project({ ...corner, z: TALL }, view)));
  }
  context.stroke();
}

function drawWords(
  context: CanvasRenderingContext2D,
  mesh: Mesh,
  view: View,
  palette: Palette,
  place: (at: Projected) => [number, number],
): void {
  context.fillStyle = palette.text;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const write = (text: string, at: Vertex): void => {
    context.fillText(text, ...place(project(at, view)));
  };
  const [low, high] = [mesh.deviations[0] ?? 0, mesh.deviations.at(-1) ?? 0];
  // the edges that are nearest to the eye, so that no facet hides the words
  const front = Math.cos(view.turn) > 0 ? -1.18 : 1.18;
  const side = Math.sin(view.turn) > 0 ? -1.18 : 1.18;
  write(`strike ${formatDeviations(low)}`, { x: -0.85, y: front, z: -TALL });
  write(formatDeviations(high), { x: 0.85, y: front, z: -TALL });
  const [first, last] = [mesh.expiriesMs[0], mesh.expiriesMs.at(-1)];
  if (first !== undefined) write(formatDay(first), { x: side * 1.12, y: -0.9, z: -TALL });
  if (last !== undefined && last !== first) write(formatDay(last), { x: side * 1.12, y: 0.9, z: -TALL });
  const corner = { x: -Math.sign(side) * 1.12, y: Math.sign(front) };
  write(formatPercent(mesh.least, 0), { ...corner, z: -TALL });
  write(formatPercent(mesh.most, 0), { ...corner, z: TALL });
}
