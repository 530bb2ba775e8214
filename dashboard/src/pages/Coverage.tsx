export default function Coverage() {
  return (
    <div className="stack" data-testid="page-coverage">
      <header className="page-head">
        <h1>Coverage</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
