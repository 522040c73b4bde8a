/** Which market is looked at; kept while one goes from view to view. */

class MarketChoice {
  coin = $state("BTC");
  /** Milliseconds; 0 is the first expiry that there is. */
  expiry = $state(0);
}

export const market = new MarketChoice();
