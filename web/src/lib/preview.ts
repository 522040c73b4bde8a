/** What an order would do to an account: fee, margin and liquidation price, before it is sent. */

import { client, type Margins, type Position, type Simulation } from "../api";
import type { Leg } from "./analysis/legs";
import { computeRequirement, countShort, sumScenarios } from "./analysis/margin";
import type { Market } from "./analysis/market";
import type { DraftOrder } from "./draft.svelte";
import { toGrid } from "./format";
import { findLiquidation, type Liquidation } from "./liquidation";

export interface Preview {
  /** All in USDC. */
  readonly notional: number;
  readonly fee: number;
  readonly initialBefore: number;
  readonly initialAfter: number;
  readonly maintenanceAfter: number;
  readonly equityAfter: number;
  readonly liquidation: Liquidation;
  /** Whether the margin allows it (05-R05): enough equity, or less risk than before. */
  readonly isAllowed: boolean;
  /** The price that was reckoned with: the limit, or for a market order the mark on the grid. */
  readonly price: number;
}

/** Ask the gateway for margins with and without an order that is filled at once. Throws what `client.call` does. */
export async function computePreview(
  order: DraftOrder,
  market: Market,
  positions: readonly Position[],
): Promise<Preview> {
  const { instrument, direction, amount } = order;
  const name = instrument.instrument_name;
  const mark = market.quotes.get(name)?.mark ?? 0;
  const price = order.price ?? Math.max(instrument.tick_size, Number(toGrid(mark, instrument.tick_size)));
  const signed = direction === "buy" ? amount : -amount;
  const simulate = (simulated_positions: Record<string, number>): Promise<Simulation> =>
    client.call("private/simulate_portfolio", { currency: "USDC", add_positions: true, simulated_positions });
  const [margins, before, after] = await Promise.all([
    client.call<Margins>("private/get_margins", { instrument_name: name, amount, price }),
    simulate({}),
    simulate({ [name]: signed }),
  ]);
  // a price worse than the mark is a loss at once; a better one is no gain, since it is filled where the mark is
  const equityAfter = after.equity + Math.min(0, signed * (mark - price)) - margins.fee;
  return {
    notional: amount * price,
    fee: margins.fee,
    initialBefore: before.initial_margin,
    initialAfter: after.initial_margin,
    maintenanceAfter: after.maintenance_margin,
    equityAfter,
    liquidation: estimate(market, positions, { name, signed, price }, equityAfter, after.maintenance_margin),
    isAllowed:
      equityAfter >= after.initial_margin ||
      (after.initial_margin < before.initial_margin &&
        equityAfter - after.initial_margin >= before.equity - before.initial_margin),
    price,
  };
}

interface Fill {
  name: string;
  signed: number;
  price: number;
}

function estimate(
  market: Market,
  positions: readonly Position[],
  fill: Fill,
  equity: number,
  maintenance: number,
): Liquidation {
  const sizes = new Map(positions.map((each) => [each.instrument_name, each.size]));
  sizes.set(fill.name, (sizes.get(fill.name) ?? 0) + fill.signed);
  const legs = [...sizes].flatMap(([name, size]): Leg[] => {
    const quote = market.quotes.get(name);
    return quote ? [{ quote, size, entryPrice: quote.mark }] : [];
  });
  const nowMs = Date.now();
  const { index } = market;
  const here = computeRequirement(sumScenarios(legs, index, nowMs), countShort(legs), index).maintenance;
  return findLiquidation({ legs, index, equity, otherMaintenance: Math.max(0, maintenance - here), nowMs });
}
