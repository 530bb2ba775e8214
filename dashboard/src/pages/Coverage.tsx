import { usePath } from "../app/router.tsx";
import { DayPage } from "./coverage/DayPage.tsx";
import { MapPage } from "./coverage/MapPage.tsx";
import { dayOfPath } from "./coverage/map.ts";

/** Which days of which markets are whole; below /coverage/{exchange}/{symbol}/{date} one of them, minute by minute. */
export default function Coverage() {
  const asked = dayOfPath(usePath());
  return asked ? <DayPage market={asked.market} day={asked.day} /> : <MapPage />;
}
