import type { Storage } from "../../api/statistics.ts";
import { usePoll } from "../../api/usePoll.ts";
import { bytes, count, NOTHING, share } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { Tile, Tiles } from "../../panels/Tile.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import styles from "./Operations.module.css";

const FEW_DAYS = 7;
const MANY = 8; // tables that are named; the rest is one bar

/** What lies on the disk, and how long it will do. */
export function StoragePanel() {
  const poll = usePoll<Storage>("/v1/stats/storage", 15_000);
  const panel = usePanel(poll);
  const { data } = poll;
  const tile = { state: panel.state, at: panel.at };
  const left = data?.days_left ?? null;
  return (
    <Panel title="Storage" testid="ops-storage" height={240} {...panel}>
      {data ? (
        <>
          <Tiles label="What lies on the disk" within>
            <Tile
              {...tile}
              name="Disk lasts"
              value={left === null ? NOTHING : `${count(Math.floor(left))} d`}
              note={diskWords(data)}
              tone={left !== null && left < FEW_DAYS ? "bad" : "plain"}
              testid="storage-days-left"
            />
            <Tile
              {...tile}
              name="Database"
              value={bytes(data.database_bytes)}
              note="PostgreSQL"
              testid="storage-database"
            />
            <Tile
              {...tile}
              name="Parquet"
              value={bytes(data.parquet_bytes)}
              note="trades, archived"
              testid="storage-parquet"
            />
            <Tile
              {...tile}
              name="Candles"
              value={bytes(data.candles_bytes)}
              note="bars, archived"
              testid="storage-candles"
            />
            <Tile
              {...tile}
              name="Journal"
              value={bytes(data.journal_bytes)}
              note="raw frames"
              testid="storage-journal"
            />
          </Tiles>
          <h3 className={styles.small}>In the database</h3>
          <ul className={styles.bars}>
            {largest(data).map(({ name, bytes: own }) => (
              <li key={name}>
                <span>{name}</span>
                <span className={styles.bar} aria-hidden="true">
                  <span style={{ width: `${(100 * own) / Math.max(1, data.database_bytes)}%` }} />
                </span>
                <span>{bytes(own)}</span>
                <span className="muted">{share(own / Math.max(1, data.database_bytes))}</span>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </Panel>
  );
}

function largest(data: Storage): { name: string; bytes: number }[] {
  const sorted = [...data.tables].sort((a, b) => b.bytes - a.bytes);
  const rest = sorted.slice(MANY).reduce((sum, each) => sum + each.bytes, 0);
  const shown = sorted.slice(0, MANY);
  return rest > 0 ? [...shown, { name: "all others", bytes: rest }] : shown;
}

function diskWords({ disk }: Storage): string {
  return `${bytes(disk.free)} free of ${bytes(disk.total)}`;
}
