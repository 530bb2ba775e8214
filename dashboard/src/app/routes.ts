import { type ComponentType, type LazyExoticComponent, lazy } from "react";

export interface Route {
  path: string;
  name: string;
  /** Two strokes of an icon, drawn in a box of 24. */
  icon: string;
  page: LazyExoticComponent<ComponentType>;
}

/** Each page is a file of its own in src/pages, loaded when it is first opened. */
export const ROUTES: readonly Route[] = [
  {
    path: "/",
    name: "Overview",
    icon: "M4 4h7v7H4zM13 4h7v4h-7zM13 10h7v10h-7zM4 13h7v7H4z",
    page: lazy(() => import("../pages/Overview.tsx")),
  },
  {
    path: "/live",
    name: "Live",
    icon: "M7 5v14M7 8h0M5 8h4v7H5zM17 3v18M15 6h4v9h-4z",
    page: lazy(() => import("../pages/Live.tsx")),
  },
  {
    path: "/realtime",
    name: "Realtime",
    icon: "M3 13h4l3-8 4 14 3-9 1 3h3",
    page: lazy(() => import("../pages/Realtime.tsx")),
  },
  {
    path: "/coverage",
    name: "Coverage",
    icon: "M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z",
    page: lazy(() => import("../pages/Coverage.tsx")),
  },
  {
    path: "/explore",
    name: "Explore",
    icon: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21",
    page: lazy(() => import("../pages/Explore.tsx")),
  },
  {
    path: "/dictionary",
    name: "Dictionary",
    icon: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM9 9h6M9 13h6",
    page: lazy(() => import("../pages/Dictionary.tsx")),
  },
  {
    path: "/operations",
    name: "Operations",
    icon: "M4 7h9M17 7h3M15 4.5v5M4 17h3M11 17h9M9 14.5v5",
    page: lazy(() => import("../pages/Operations.tsx")),
  },
];
