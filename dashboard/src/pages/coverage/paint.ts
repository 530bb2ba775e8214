/** Draws cells of the heat map: each mark has a colour and a shape of its own. */
import type { CoverageCell } from "../../api/answers.ts";
import { dayLabels, HEAD, type HeatMap, type Mark, type Measures, markOf, shareOf } from "./map.ts";

export interface Palette {
  fill: Record<Mark, string>;
  ink: Record<Mark, string>;
  text: string;
  muted: string;
  line: string;
  focus: string;
  font: string;
}

export function paletteOf(page: Element): Palette {
  const style = getComputedStyle(page);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const isDark = page.getAttribute("data-theme") !== "light";
  return {
    fill: {
      complete: colour("--whole"),
      "complete with absences": colour("--whole-absent"),
      incomplete: colour("--incomplete"),
      "not proved": `${colour("--incomplete")}55`, // half of it shines through
      unknown: colour("--unknown"),
      "not judged": colour("--raised"),
    },
    ink: {
      complete: "#ffffff",
      "complete with absences": "#06202f",
      incomplete: "#1a0c00",
      "not proved": colour("--text"),
      unknown: isDark ? "#ffffff" : "#06131f",
      "not judged": colour("--muted"),
    },
    text: colour("--text"),
    muted: colour("--muted"),
    line: colour("--line"),
    focus: colour("--focus"),
    font: style.getPropertyValue("--font"),
  };
}

interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** One cell: its colour, its shape, and where there is room its share in per cent. */
export function paintMark(
  pen: CanvasRenderingContext2D,
  box: Box,
  mark: Mark,
  colours: Palette,
  percent: string | null = null,
): void {
  pen.fillStyle = colours.fill[mark];
  pen.fillRect(box.x, box.y, box.w, box.h);
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.w, box.h);
  pen.clip();
  pen.strokeStyle = pen.fillStyle = colours.ink[mark];
  pen.lineWidth = 1.5;
  if (percent) write(pen, box, percent, colours);
  else shape(pen, box, mark);
  pen.restore();
}

function write(pen: CanvasRenderingContext2D, box: Box, text: string, colours: Palette): void {
  pen.font = `10.5px ${colours.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, box.x + box.w / 2, box.y + box.h / 2 + 0.5, box.w - 2);
}

function shape(pen: CanvasRenderingContext2D, box: Box, mark: Mark): void {
  const [x, y] = [box.x + box.w / 2, box.y + box.h / 2];
  pen.beginPath();
  if (mark === "complete with absences") {
    pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.fill();
  } else if (mark === "incomplete") {
    pen.moveTo(x - 3.5, y - 3.5);
    pen.lineTo(x + 3.5, y + 3.5);
    pen.moveTo(x + 3.5, y - 3.5);
    pen.lineTo(x - 3.5, y + 3.5);
    pen.stroke();
  } else if (mark === "not proved") {
    for (const dot of [-4, 0, 4]) pen.rect(x + dot - 1, y - 1, 2, 2);
    pen.fill();
  } else if (mark === "unknown") {
    pen.moveTo(x - 4, y);
    pen.lineTo(x + 4, y);
    pen.stroke();
  } else if (mark === "not judged") {
    pen.globalAlpha = 0.55;
    pen.lineWidth = 1;
    for (let at = -box.h; at < box.w; at += 6) {
      pen.moveTo(box.x + at, box.y + box.h);
      pen.lineTo(box.x + at + box.h, box.y);
    }
    pen.stroke();
  }
}

export function paintMap(
  canvas: HTMLCanvasElement,
  map: HeatMap,
  size: Measures,
  colours: Palette,
): void {
  const pen = ready(canvas, size.width, size.total);
  if (!pen) return;
  pen.font = `11px ${colours.font}`;
  pen.fillStyle = colours.muted;
  pen.textBaseline = "middle";
  for (const { column, text } of dayLabels(map.days, size.cell)) {
    const x = column * size.cell + size.cell / 2;
    const isLast = x + 16 > size.width;
    pen.textAlign = isLast ? "right" : x < 16 ? "left" : "center";
    pen.fillText(text, isLast ? size.width : x < 16 ? 0 : x, HEAD / 2);
  }
  map.cells.forEach((line, row) => {
    line.forEach((cell, column) => {
      const box = boxOf(row, column, size);
      paintMark(pen, box, markOf(cell), colours, size.cell >= ROOM ? percentOf(cell) : null);
    });
  });
}

/** A canvas as sharp as the screen, empty, in CSS pixels. */
export function ready(canvas: HTMLCanvasElement, width: number, height: number) {
  const sharp = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * sharp);
  canvas.height = Math.round(height * sharp);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen?.setTransform(sharp, 0, 0, sharp, 0, 0);
  return pen;
}

function boxOf(row: number, column: number, size: Measures): Box {
  return {
    x: column * size.cell,
    y: HEAD + row * size.height,
    w: size.cell - (size.cell > 16 ? 2 : 1),
    h: size.height - 2,
  };
}

const ROOM = 30; // pixels that four digits need

/** Where it says more than the shape does; what is not whole never reads as 100. */
function percentOf(cell: CoverageCell | null): string | null {
  const part = shareOf(cell);
  if (part === null || part === 1) return null;
  const text = (Math.floor(part * 1000) / 10).toFixed(1);
  return cell?.verdict === "unknown" ? `~${text.slice(0, -2)}` : text;
}
