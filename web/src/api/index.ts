/** The gateway, as the views use it. */

export { account } from "./account.svelte";
export { Disconnected, explain, RpcError } from "./errors";
export {
  books,
  client,
  connection,
  fastTickers,
  indices,
  instruments,
  Live,
  tapes,
  tickers,
} from "./live.svelte";
export type * from "./types";

import { account } from "./account.svelte";
import { client, instruments } from "./live.svelte";

/** Connect, and keep everything up to date from now on. */
export function start(): void {
  instruments.start();
  account.start();
  client.connect();
}
