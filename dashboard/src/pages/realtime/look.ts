export const HEIGHT = 220; // px of a chart
export const NOT_YET = "No collector has written statistics in this time. `make up` starts them.";
