/** Why a request failed, in words for the one who made it. */

/** The gateway refused a request. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    override readonly name: string,
    readonly reason: string,
  ) {
    super(reason ? `${reason} (${name})` : name);
  }
}

/** There is no connection to the gateway, or it was lost before the answer came. */
export class Disconnected extends Error {
  constructor() {
    super("no connection to the gateway: it is tried again by itself");
  }
}

/** What to show for anything that was thrown. */
export function explain(error: unknown): string {
  if (error instanceof Error) return "shortMessage" in error ? String(error.shortMessage) : error.message;
  return String(error);
}
