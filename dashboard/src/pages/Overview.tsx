export default function Overview() {
  return (
    <div className="stack" data-testid="page-overview">
      <header className="page-head">
        <h1>Overview</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
