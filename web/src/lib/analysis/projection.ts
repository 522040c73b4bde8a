/** A mesh in space as quadrilaterals on a plane, the far ones first. */

export interface Vertex {
  /** Each from -1 to 1; z points up. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export interface View {
  /** Turn about the upright axis, and height of the eye, in radians. */
  readonly turn: number;
  readonly lift: number;
}

/** On the plane, x to the right and y down, about -1.5 to 1.5; depth grows away from the eye. */
export interface Projected {
  readonly x: number;
  readonly y: number;
  readonly depth: number;
}

export interface Facet {
  readonly corners: readonly Projected[];
  /** Mean height of the corners, from -1 to 1, by which it is coloured. */
  readonly height: number;
  readonly depth: number;
}

/** A parallel projection: nothing shrinks with distance, so that heights can be compared. */
export function project({ x, y, z }: Vertex, { turn, lift }: View): Projected {
  const across = x * Math.cos(turn) - y * Math.sin(turn);
  const away = x * Math.sin(turn) + y * Math.cos(turn);
  return {
    x: across,
    y: -z * Math.cos(lift) - away * Math.sin(lift),
    depth: away * Math.cos(lift) - z * Math.sin(lift),
  };
}

/** The facets of a grid of heights, painted from back to front; one with an unknown corner is left out. */
export function makeFacets(rows: readonly (readonly (Vertex | null)[])[], view: View): Facet[] {
  const facets: Facet[] = [];
  for (let row = 1; row < rows.length; row++) {
    const [near, far] = [rows[row - 1] ?? [], rows[row] ?? []];
    for (let column = 1; column < near.length; column++) {
      const corners = [near[column - 1], near[column], far[column], far[column - 1]];
      const known = corners.filter((corner) => corner !== null && corner !== undefined);
      if (known.length < 4) continue;
      const projected = known.map((corner) => project(corner, view));
      facets.push({
        corners: projected,
        height: known.reduce((sum, corner) => sum + corner.z, 0) / 4,
        depth: projected.reduce((sum, corner) => sum + corner.depth, 0) / 4,
      });
    }
  }
  return facets.sort((a, b) => b.depth - a.depth);
}
