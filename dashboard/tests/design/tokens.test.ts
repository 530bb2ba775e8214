import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const SHEET = readFileSync("src/design/tokens.css", "utf8");
const THEMES = ["dark", "light"] as const;
type Theme = (typeof THEMES)[number];
type Rgb = [number, number, number];

/** The hexadecimal colours of a theme, by name. */
function coloursOf(theme: Theme): Map<string, Rgb> {
  const block = new RegExp(`data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(SHEET)?.[1] ?? "";
  const found = new Map<string, Rgb>();
  for (const [, name = "", hex = ""] of block.matchAll(/(--[\w-]+):\s*#([0-9a-f]{6});/g)) {
    const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
    found.set(name, [part(0), part(2), part(4)]);
  }
  return found;
}

const COLOURS = { dark: coloursOf("dark"), light: coloursOf("light") };

function colour(theme: Theme, name: string): Rgb {
  const found = COLOURS[theme].get(name);
  if (!found) throw new Error(`${theme} has no ${name}`);
  return found;
}

function linear(channel: number): number {
  const part = channel / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance, WCAG 2. */
function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function contrast(a: Rgb, b: Rgb): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}

/** Lightness L* of CIELAB, 0 to 100: how light people see it. */
function lightness(rgb: Rgb): number {
  const y = luminance(rgb);
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y;
}

type Sight = "protan" | "deutan" | "tritan";

/** How the colour looks without one kind of cone (Viénot, Brettel and Mollon 1999, in linear RGB). */
const SIGHTS: Record<Sight, readonly [Rgb, Rgb, Rgb]> = {
  protan: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  deutan: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
  tritan: [
    [1, 0.14461, -0.14461],
    [0, 0.85924, 0.14076],
    [0, 0.85924, 0.14076],
  ],
};

function seenBy(sight: Sight, rgb: Rgb): Rgb {
  const own = rgb.map(linear);
  return SIGHTS[sight].map((row) => {
    const value = row.reduce((sum, weight, at) => sum + weight * (own[at] ?? 0), 0);
    const part = Math.max(0, Math.min(1, value));
    return 255 * (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055);
  }) as Rgb;
}

/** CIELAB, D65. */
function lab(rgb: Rgb): Rgb {
  const [red = 0, green = 0, blue = 0] = rgb.map(linear);
  const f = (part: number) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116);
  const x = f((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
  const y = f(0.2126 * red + 0.7152 * green + 0.0722 * blue);
  const z = f((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function distance(a: Rgb, b: Rgb): number {
  const [one, other] = [lab(a), lab(b)];
  return Math.hypot(...one.map((part, at) => part - (other[at] ?? 0)));
}

const GROUNDS = ["--ground", "--surface", "--raised"];
const WORDS = ["--text", "--muted", "--accent", "--buy", "--sell", "--good", "--warn", "--bad"];
const ON: [string, string][] = [
  ["--on-accent", "--accent"],
  ["--on-amber", "--amber"],
];
const SERIES = [1, 2, 3, 4, 5, 6].map((each) => `--series-${each}`);
const RAMP = [0, 1, 2, 3, 4].map((each) => `--ramp-${each}`);

describe.each(THEMES)("the %s theme", (theme) => {
  it("has each colour that the other has", () => {
    const other = theme === "dark" ? "light" : "dark";
    expect([...COLOURS[theme].keys()]).toEqual([...COLOURS[other].keys()]);
    expect(COLOURS[theme].size).toBeGreaterThan(30);
  });

  it.each(WORDS)("writes %s so that it can be read on each ground (WCAG AA, 4.5)", (word) => {
    for (const ground of GROUNDS)
      expect
        .soft(contrast(colour(theme, word), colour(theme, ground)), `${word} on ${ground}`)
        .toBeGreaterThanOrEqual(4.5);
  });

  it.each(ON)("writes %s on %s so that it can be read", (word, ground) => {
    expect(contrast(colour(theme, word), colour(theme, ground))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([...SERIES, "--focus"])("draws %s so that it is seen (WCAG 1.4.11, 3)", (line) => {
    for (const ground of ["--ground", "--surface"])
      expect(contrast(colour(theme, line), colour(theme, ground))).toBeGreaterThanOrEqual(3);
  });

  it("lets the amber of what is simulated stand out from the ground", () => {
    const own = distance(colour(theme, "--amber"), colour(theme, "--ground"));
    expect(own).toBeGreaterThan(40);
  });

  it("has a ramp whose lightness goes one way, in steps that are seen, for each kind of sight", () => {
    for (const sight of [null, "protan", "deutan", "tritan"] as const) {
      const steps = RAMP.map((name) => colour(theme, name))
        .map((rgb) => (sight ? seenBy(sight, rgb) : rgb))
        .map(lightness);
      const way = Math.sign((steps[4] ?? 0) - (steps[0] ?? 0));
      expect(way).toBe(theme === "dark" ? 1 : -1);
      for (const [at, step] of steps.entries())
        if (at > 0) expect(way * (step - (steps[at - 1] ?? 0))).toBeGreaterThan(5);
    }
  });

  it.each(["protan", "deutan", "tritan"] as const)(
    "keeps buy from sell, and whole from incomplete, in %s sight",
    (sight) => {
      for (const [one, other] of [
        ["--buy", "--sell"],
        ["--whole", "--incomplete"],
        ["--good", "--bad"],
        ["--whole", "--unknown"],
        ["--incomplete", "--unknown"],
      ] as const) {
        const [a, b] = [one, other].map((name) => seenBy(sight, colour(theme, name)));
        if (!a || !b) throw new Error("no colours");
        expect.soft(distance(a, b), `${one} and ${other}`).toBeGreaterThan(20);
      }
    },
  );
});

describe("style sheets and code", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(css|tsx?)$/.test(file) && !file.endsWith("tokens.css"))
    .map((file) => `src/${file}`);

  it("name only tokens that there are", () => {
    const known = new Set([...SHEET.matchAll(/(--[\w-]+):/g)].map((found) => found[1]));
    known.add("--height"); // a panel says it of itself
    for (const file of files) {
      const used = [...readFileSync(file, "utf8").matchAll(/var\((--[\w-]+)|"(--[a-z][\w-]*)"/g)];
      for (const [, inSheet, inCode] of used)
        expect.soft(known.has(inSheet ?? inCode ?? ""), `${file}: ${inSheet ?? inCode}`).toBe(true);
    }
  });

  it("take every colour from the tokens", () => {
    for (const file of files.filter((each) => each.endsWith(".css"))) {
      const own = readFileSync(file, "utf8").match(/#[0-9a-f]{6}\b|\brgba?\(|\bhsl/g);
      expect.soft(own, file).toBeNull();
    }
  });
});
