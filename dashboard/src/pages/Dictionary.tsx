export default function Dictionary() {
  return (
    <div className="stack" data-testid="page-dictionary">
      <header className="page-head">
        <h1>Dictionary</h1>
      </header>
      <p className="muted">This page is being built.</p>
    </div>
  );
}
