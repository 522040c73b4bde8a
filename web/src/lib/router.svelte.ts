/** Which view is shown: the part of the address after `#/`, such as `#/book/BTC_USDC-PERPETUAL`. */

import type { Component } from "svelte";

export interface View {
  readonly path: string;
  readonly title: string;
  readonly load: () => Promise<{ default: Component }>;
}

/** Every view, in the order of the menu; each is a file of its own that is fetched when it is first shown. */
export const VIEWS: readonly View[] = [
  { path: "chain", title: "Chain", load: () => import("../views/Chain.svelte") },
  { path: "book", title: "Book", load: () => import("../views/Book.svelte") },
  { path: "portfolio", title: "Portfolio", load: () => import("../views/Portfolio.svelte") },
  { path: "analysis", title: "Analysis", load: () => import("../views/Analysis.svelte") },
  { path: "surface", title: "Surface", load: () => import("../views/Surface.svelte") },
  { path: "history", title: "History", load: () => import("../views/History.svelte") },
  { path: "road", title: "Road", load: () => import("../views/Road.svelte") },
  { path: "operator", title: "Operator", load: () => import("../views/Operator.svelte") },
];

const FIRST = VIEWS[0] as View;

export interface Place {
  readonly view: View;
  /** What follows the view in the address: an instrument, a trade. */
  readonly argument: string;
}

/** The place that a hash names; the first view for one that names none. */
export function parseHash(hash: string): Place {
  const [path = "", ...rest] = hash.replace(/^#?\/?/, "").split("/");
  const view = VIEWS.find((each) => each.path === path);
  return view ? { view, argument: decodeText(rest.join("/")) } : { view: FIRST, argument: "" };
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** The hash of a view, with an argument or without. */
export function linkTo(path: string, argument = ""): string {
  return argument ? `#/${path}/${encodeURIComponent(argument)}` : `#/${path}`;
}

class Router {
  place: Place = $state.raw(parseHash(location.hash));

  constructor() {
    addEventListener("hashchange", () => {
      this.place = parseHash(location.hash);
    });
  }

  go(path: string, argument = ""): void {
    location.hash = linkTo(path, argument);
  }
}

export const router = new Router();
