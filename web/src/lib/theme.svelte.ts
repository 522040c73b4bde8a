/** Dark or light: as the system has it, until the user chooses. */

export type Theme = "dark" | "light";

const KEY = "miletus.theme";

class ThemeChoice {
  current: Theme = $state(readTheme());

  constructor() {
    this.#apply();
  }

  toggle(): void {
    this.current = this.current === "dark" ? "light" : "dark";
    localStorage.setItem(KEY, this.current);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.current;
  }
}

function readTheme(): Theme {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "dark" || chosen === "light") return chosen;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export const theme = new ThemeChoice();
