export default function Live() {
  return (
    <div className="stack" data-testid="page-live">
      <header className="page-head">
        <h1>Live</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
