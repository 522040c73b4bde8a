import { expect, test } from "vitest";
import { makeFacets, project } from "./projection";
import { getAtTheMoney, interpolate, makeMesh, makeSmiles, type Sample } from "./surface";

function sample(expiryMs: number, strike: number, volatility: number, isCall = strike >= 100): Sample {
  return { expiryMs, strike, isCall, forward: 100, volatility };
}

const SAMPLES = [
  sample(2, 100, 0.4),
  sample(1, 110, 0.55),
  sample(1, 90, 0.6),
  sample(1, 100, 0.5),
  sample(2, 120, 0.45),
  sample(2, 80, 0.5),
];

test("smiles are sorted by expiry and strike, and what has no volatility is left out", () => {
  const smiles = makeSmiles([...SAMPLES, sample(1, 130, 0), sample(3, 100, Number.NaN)]);
  expect(smiles.map((smile) => smile.expiryMs)).toEqual([1, 2]);
  expect(smiles[0]?.points.map((point) => point.strike)).toEqual([90, 100, 110]);
});

test.each([
  [80, 0.7, 0.5],
  [120, 0.5, 0.7],
])("the option out of the money tells the volatility at %d", (strike, call, put) => {
  for (const order of [1, -1]) {
    const pair = [sample(1, strike, call, true), sample(1, strike, put, false)];
    const [smile] = makeSmiles(order > 0 ? pair : pair.reverse());
    expect(smile?.points).toHaveLength(1);
    expect(smile?.points[0]?.volatility).toBe(0.5);
  }
});

test("between strikes the variance is linear, outside of them nothing is said", () => {
  const [smile] = makeSmiles(SAMPLES);
  if (!smile) throw new Error("no smile");
  const middle = (Math.log(0.9) + 0) / 2;
  expect(interpolate(smile, middle)).toBeCloseTo(Math.sqrt((0.36 + 0.25) / 2), 12);
  expect(interpolate(smile, Math.log(0.9))).toBe(0.6);
  expect(interpolate(smile, Math.log(0.89))).toBeNull();
  expect(interpolate(smile, Math.log(1.2))).toBeNull();
  expect(getAtTheMoney(smile)).toBe(0.5);
});

test("a mesh spans the widest smile, with holes where another ends", () => {
  const year = 365 * 86_400_000;
  const samples = SAMPLES.map((each) => ({ ...each, expiryMs: each.expiryMs * year }));
  const mesh = makeMesh(makeSmiles(samples), 5, 0);
  const unit = 0.4 * Math.sqrt(2);
  expect(mesh.deviations[0]).toBeCloseTo(Math.log(0.8) / unit, 12);
  expect(mesh.deviations.at(-1)).toBeCloseTo(Math.log(1.2) / unit, 12);
  expect(mesh.volatilities[0]?.[0]).toBeNull();
  expect(mesh.volatilities[1]?.every((each) => each !== null)).toBe(true);
  expect(mesh.most).toBeGreaterThanOrEqual(0.5);
  expect(mesh.least).toBeCloseTo(0.4, 1);
});

test("up is up from wherever one looks, and what is far is painted first", () => {
  const view = { turn: 0.6, lift: 0.5 };
  expect(project({ x: 0, y: 0, z: 1 }, view).y).toBeLessThan(project({ x: 0, y: 0, z: -1 }, view).y);
  const rows = [-1, 0, 1].map((y) => [-1, 0, 1].map((x) => ({ x, y, z: x * y })));
  const facets = makeFacets(rows, view);
  expect(facets).toHaveLength(4);
  for (let n = 1; n < facets.length; n++) {
    expect(facets[n - 1]?.depth).toBeGreaterThanOrEqual(facets[n]?.depth ?? 0);
  }
  expect(
    makeFacets([[null, rows[0]?.[1] ?? null, rows[0]?.[2] ?? null], ...rows.slice(1)], view),
  ).toHaveLength(3);
});
