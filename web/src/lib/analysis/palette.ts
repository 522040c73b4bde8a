/** The theme's colours, for what is drawn on a canvas. */

export interface Palette {
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly panel: string;
  readonly accent: string;
  readonly buy: string;
  readonly sell: string;
  readonly warn: string;
}

/** Colours as they are now; read again when the theme changes. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: read("text"),
    quiet: read("quiet"),
    line: read("line"),
    panel: read("panel"),
    accent: read("accent"),
    buy: read("buy"),
    sell: read("sell"),
    warn: read("warn"),
  };
}
