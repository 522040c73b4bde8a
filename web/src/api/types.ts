/** Messages of the gateway, as far as the page reads them; docs/reference/gateway.md has all of them. */

export type Kind = "option" | "future";
export type Direction = "buy" | "sell";

export interface Instrument {
  instrument_name: string;
  instrument_id: number;
  kind: Kind;
  base_currency: string;
  price_index: string;
  settlement_period: string;
  tick_size: number;
  min_trade_amount: number;
  contract_size: number;
  taker_commission: number;
  is_active: boolean;
  expiration_timestamp: number;
  creation_timestamp: number;
  strike?: number;
  option_type?: "call" | "put";
}

export interface Greeks {
  delta: number;
  gamma: number;
  vega: number;
  theta: number;
  rho: number;
}

export interface Ticker {
  instrument_name: string;
  timestamp: number;
  state: "open" | "closed";
  mark_price: number;
  index_price: number;
  last_price: number | null;
  best_bid_price: number;
  best_bid_amount: number;
  best_ask_price: number;
  best_ask_amount: number;
  min_price: number;
  max_price: number;
  open_interest: number;
  stats: {
    volume: number;
    volume_usd: number;
    price_change: number | null;
    low: number | null;
    high: number | null;
  };
  /** Of an option. */
  underlying_price?: number;
  mark_iv?: number;
  bid_iv?: number;
  ask_iv?: number;
  greeks?: Greeks;
}

export type Level = [price: number, amount: number];

export interface BookMessage {
  type: "snapshot" | "change";
  instrument_name: string;
  timestamp: number;
  change_id: number;
  prev_change_id?: number;
  bids: [action: "new" | "change" | "delete", price: number, amount: number][];
  asks: [action: "new" | "change" | "delete", price: number, amount: number][];
}

export interface Trade {
  trade_id: string;
  trade_seq: number;
  timestamp: number;
  instrument_name: string;
  direction: Direction;
  price: number;
  amount: number;
  mark_price: number;
  index_price: number;
}

export interface UserTrade extends Trade {
  order_id: string;
  fee: number;
  profit_loss: number;
  liquidity: "M" | "T";
  label?: string;
}

export type TimeInForce = "good_til_cancelled" | "good_til_day" | "immediate_or_cancel" | "fill_or_kill";

export interface Order {
  order_id: string;
  order_state: "open" | "filled" | "rejected" | "cancelled";
  order_type: "limit" | "market";
  instrument_name: string;
  direction: Direction;
  price: number;
  amount: number;
  filled_amount: number;
  average_price: number;
  time_in_force: TimeInForce;
  post_only: boolean;
  reduce_only: boolean;
  label: string;
  creation_timestamp: number;
  last_update_timestamp: number;
  cancel_reason?: string;
}

export interface Position {
  instrument_name: string;
  kind: Kind;
  /** Signed, in coins. */
  size: number;
  direction: Direction | "zero";
  average_price: number;
  mark_price: number;
  index_price: number;
  floating_profit_loss: number;
  realized_profit_loss: number;
  total_profit_loss: number;
  delta: number;
  gamma?: number;
  vega?: number;
  theta?: number;
}

export interface Portfolio {
  currency: string;
  balance: number;
  equity: number;
  margin_balance: number;
  initial_margin: number;
  maintenance_margin: number;
  available_funds: number;
  available_withdrawal_funds: number;
  locked_balance: number;
  delta_total: number;
  delta_total_map: Record<string, number>;
  options_gamma: number;
  options_vega: number;
  options_theta: number;
  options_value: number;
  session_upl: number;
  session_rpl: number;
}

export interface Simulation extends Portfolio {
  /** By index: the change of value in each scenario, in USDC. */
  scenarios: Record<string, number[]>;
}

export interface UserChanges {
  instrument_name: string;
  orders: Order[];
  trades: UserTrade[];
  positions: Position[];
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  scope: string;
}

export interface Margins {
  buy: number;
  sell: number;
  min_price: number;
  max_price: number;
  fee: number;
}

export interface Placed {
  order: Order;
  trades: UserTrade[];
}

export interface Withdrawal {
  id: number;
  amount: number;
  state: string;
  address: string;
  created_timestamp: number;
}

export interface Finality {
  number: number;
  epoch: number;
  state: string;
  batch: number | null;
  transaction: string | null;
  block: number | null;
  committed_at: number | null;
  final_at: number | null;
}
