export default function Realtime() {
  return (
    <div className="stack" data-testid="page-realtime">
      <header className="page-head">
        <h1>Realtime</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
