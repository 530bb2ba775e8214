import { About, Links, Thanks } from "./operations/About.tsx";
import { Charts } from "./operations/Charts.tsx";
import { IncidentsPanel } from "./operations/IncidentsPanel.tsx";
import { StoragePanel } from "./operations/StoragePanel.tsx";

/** Whether the house stands: what is wrong, how it runs, how long the disk will do, and where else to look. */
export default function Operations() {
  return (
    <div className="stack" data-testid="page-operations">
      <header className="page-head">
        <h1>Operations</h1>
      </header>
      <IncidentsPanel />
      <Charts />
      <StoragePanel />
      <div className="grid-2">
        <Links />
        <About />
      </div>
      <Thanks />
    </div>
  );
}
