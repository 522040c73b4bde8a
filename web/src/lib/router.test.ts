import { expect, test } from "vitest";
import { linkTo, parseHash } from "./router.svelte";

test("a hash names a view and what it is about", () => {
  expect(parseHash("#/book/BTC_USDC-PERPETUAL")).toMatchObject({
    view: { path: "book" },
    argument: "BTC_USDC-PERPETUAL",
  });
  expect(parseHash(linkTo("road", "USDC-1/2"))).toMatchObject({
    view: { path: "road" },
    argument: "USDC-1/2",
  });
});

test.each(["", "#", "#/", "#/nothing/x", "#chain/%"])("%j shows the chain", (hash) => {
  expect(parseHash(hash)).toMatchObject({ view: { path: "chain" }, argument: "" });
});
