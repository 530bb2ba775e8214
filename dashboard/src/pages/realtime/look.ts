import { LINES_WORDS } from "../../panels/Lines.tsx";

export const HEIGHT = 220; // px of a chart
export const WHOLE = HEIGHT + LINES_WORDS; // and of its panel's content
export const NOT_YET = "No collector has written statistics in this time. `make up` starts them.";
